-- name: page_of_users
-- Users in the order of their ids, above one of them.
select id, name, username, time_zone, locale, time_format, source, organization_id, preferences,
  created_at, refreshed_at
from users where id > :after and removed_at is null order by id limit :number

-- name: known_users
-- Those of these users who are known; nobody else changes them until the transaction ends.
select u.id, u.name, u.username, u.time_zone, u.locale, u.time_format, u.source,
  u.organization_id, u.preferences, u.created_at, u.refreshed_at
from rows(id bigint) as r join users u on u.id = r.id and u.removed_at is null
order by u.id
{lock_users}

-- name: removed_users
-- Those of these users who were removed, and when; nobody else changes them meanwhile.
select u.id, u.removed_at
from rows(id bigint) as r join users u on u.id = r.id and u.removed_at is not null
order by u.id
{lock_users}

-- name: known_user_ids
-- Who of these is known.
select u.id from rows(id bigint) as r join users u on u.id = r.id and u.removed_at is null

-- name: addresses_of_users
-- All addresses of these users.
select a.user_id, a.address, a.is_primary
from rows(id bigint) as r join addresses a on a.user_id = r.id

-- name: holders_of_addresses
-- Who has these addresses, and when he changed last.
select a.address, a.user_id, u.refreshed_at
from rows(address text) as r
join addresses a on a.address = r.address
join users u on u.id = a.user_id

-- name: insert_users
-- They are new here, or again.
insert into users (id, name, username, time_zone, locale, time_format, source, organization_id,
  preferences, created_at, refreshed_at, changed_at)
select id, name, username, time_zone, locale, time_format, source, organization_id,
  preferences, created_at, refreshed_at, :now
from rows(id bigint, name text, username text, time_zone text, locale text, time_format bigint,
  source text, organization_id bigint, preferences text, created_at bigint,
  refreshed_at bigint) as r where true
on conflict (id) do update set
  name = excluded.name, username = excluded.username, time_zone = excluded.time_zone,
  locale = excluded.locale, time_format = excluded.time_format, source = excluded.source,
  organization_id = excluded.organization_id, preferences = excluded.preferences,
  created_at = excluded.created_at, refreshed_at = excluded.refreshed_at,
  changed_at = excluded.changed_at, removed_at = null
where users.removed_at is not null

-- name: update_users
-- They are as given.
update users set
  name = r.name, username = r.username, time_zone = r.time_zone, locale = r.locale,
  time_format = r.time_format, source = r.source, organization_id = r.organization_id,
  preferences = r.preferences, created_at = r.created_at, refreshed_at = r.refreshed_at,
  changed_at = :now
from rows(id bigint, name text, username text, time_zone text, locale text, time_format bigint,
  source text, organization_id bigint, preferences text, created_at bigint,
  refreshed_at bigint) as r
where users.id = r.id

-- name: drop_addresses_of_users
-- Addresses that they no longer have are free for others.
delete from addresses where user_id in (select id from rows(id bigint) as r)

-- name: page_of_keys
-- Keys in the order of their ids, above one of them.
select id, user_id, role, hash, hint, name, created_at, expires_on, revoked_at, last_used_at
from api_keys where id > :after order by id limit :number

-- name: keys_of_user
-- One user's keys, oldest first.
select id, user_id, role, hash, hint, name, created_at, expires_on, revoked_at, last_used_at
from api_keys where user_id = :user_id order by id

-- name: known_keys
-- Those of these keys that are known; nobody else changes them until the transaction ends.
select k.id, k.user_id, k.role, k.hash, k.hint, k.name, k.created_at, k.expires_on, k.revoked_at,
  k.last_used_at
from rows(hash text) as r join api_keys k on k.hash = r.hash
order by k.hash
{lock_rows}

-- name: known_key_ids
-- Which of these ids are a key's.
select k.id from rows(id bigint) as r join api_keys k on k.id = r.id

-- name: insert_numbered_keys
-- They are new here and keep their ids.
insert into api_keys (id, user_id, role, hash, hint, name, created_at, expires_on, revoked_at,
  last_used_at)
select id, user_id, role, hash, hint, name, created_at, expires_on, revoked_at, last_used_at
from rows(id bigint, user_id bigint, role text, hash text, hint text, name text, created_at bigint,
  expires_on text, revoked_at bigint, last_used_at bigint) as r where true

-- name: insert_keys
-- They are new here and get ids.
insert into api_keys (user_id, role, hash, hint, name, created_at, expires_on, revoked_at,
  last_used_at)
select user_id, role, hash, hint, name, created_at, expires_on, revoked_at, last_used_at
from rows(user_id bigint, role text, hash text, hint text, name text, created_at bigint,
  expires_on text, revoked_at bigint, last_used_at bigint) as r where true

-- name: update_keys
-- When they were revoked, and last used.
update api_keys set revoked_at = r.revoked_at, last_used_at = r.last_used_at
from rows(hash text, revoked_at bigint, last_used_at bigint) as r
where api_keys.hash = r.hash

-- name: known_sources
-- Those of these sources that are known; nobody else changes them until the transaction ends.
select s.path, s.secret, s.old_secret, s.old_until, s.scope, s.user_id, s.remote_id,
  s.last_event_at
from rows(path text) as r join sources s on s.path = r.path
order by s.path
{lock_rows}

-- name: insert_sources
-- They are new here.
insert into sources (path, secret, old_secret, old_until, scope, user_id, remote_id, last_event_at)
select path, secret, old_secret, old_until, scope, user_id, remote_id, last_event_at
from rows(path text, secret text, old_secret text, old_until bigint, scope text, user_id bigint,
  remote_id text, last_event_at bigint) as r where true

-- name: update_sources
-- They are as given.
update sources set
  secret = r.secret, old_secret = r.old_secret, old_until = r.old_until, scope = r.scope,
  user_id = r.user_id, remote_id = r.remote_id, last_event_at = r.last_event_at
from rows(path text, secret text, old_secret text, old_until bigint, scope text, user_id bigint,
  remote_id text, last_event_at bigint) as r
where sources.path = r.path

-- name: count_people
-- How many users, keys, devices and sources there are.
select (select count(*) from users where removed_at is null), (select count(*) from api_keys),
  (select count(*) from subscriptions), (select count(*) from sources)
