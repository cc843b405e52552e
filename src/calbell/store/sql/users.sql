-- name: save_user
-- The user exists as given; what is not known stays as it was. Of who was removed nothing is known.
insert into users (
  id, name, username, time_zone, locale, time_format, source, organization_id, created_at,
  refreshed_at, changed_at
)
values (
  :id, :name, :username, :time_zone, :locale, :time_format, :source,
  cast(:organization_id as {int}), :now, :now, :now
)
on conflict (id) do update set
  name = excluded.name, username = excluded.username, time_zone = excluded.time_zone,
  locale = excluded.locale, time_format = excluded.time_format,
  source = case when excluded.source = 'operator' then 'operator'
    when users.removed_at is null then users.source else excluded.source end,
  created_at = case when users.removed_at is null then users.created_at
    else excluded.created_at end,
  changed_at = case when users.removed_at is null and users.time_zone = excluded.time_zone
      and users.locale = excluded.locale and users.time_format = excluded.time_format
    then users.changed_at else excluded.changed_at end,
  removed_at = null,
  organization_id = case when excluded.source = 'operator'
    then coalesce(excluded.organization_id, users.organization_id)
    else excluded.organization_id end,
  refreshed_at = excluded.refreshed_at

-- name: note_changes
-- What these are told, and how, is not what it was before.
update users set changed_at = :now from rows(id bigint) as r where users.id = r.id

-- name: drop_addresses
-- Addresses that a user no longer has are free for others.
delete from addresses where user_id = :user_id

-- name: save_address
-- An address belongs to whoever was given it last.
insert into addresses (address, user_id, is_primary)
select address, user_id, is_primary
from rows(address text, user_id bigint, is_primary bigint) as r where true
on conflict (address) do update set user_id = excluded.user_id, is_primary = excluded.is_primary

-- name: listed_users
-- Users in the order of their ids, above one of them.
select id, name, username, time_zone, locale, time_format, source, organization_id, created_at
from users where id > :after and removed_at is null order by id limit :limit

-- name: one_user
-- A user by id.
select id, name, username, time_zone, locale, time_format, source, organization_id, created_at
from users where id = :id and removed_at is null

-- name: users_by_address
-- Who has these addresses.
select a.address, a.user_id from rows(address text) as r join addresses a on a.address = r.address

-- name: users_by_id
-- What matters of users to what they are told.
select u.id, u.name, u.time_zone, u.locale, u.time_format, u.preferences
from rows(id bigint) as r join users u on u.id = r.id and u.removed_at is null

-- name: addresses_by_user
-- All addresses of these users, of each one the primary first.
select a.user_id, a.address from rows(id bigint) as r join addresses a on a.user_id = r.id
order by a.user_id, a.is_primary desc, a.address

-- name: covering_source
-- A webhook of Cal.com's that tells of this user's bookings: his own; his organisation's; a
-- client's, whose users nobody else lists; or one for all, once it was heard: an operator pastes it.
select s.id from sources s
where (s.user_id = :user_id and (s.remote_id is not null or s.last_event_at is not null))
   or s.scope like 'oauth-client:%'
   or (s.scope = 'instance' and s.last_event_at is not null)
   or s.scope = 'organization:' || (
        select cast(u.organization_id as text) from users u where u.id = :user_id
      )
limit 1

-- name: own_source
-- A webhook of the user's own that came to be at Cal.com.
select id from sources
where user_id = :user_id and (remote_id is not null or last_event_at is not null)
limit 1
