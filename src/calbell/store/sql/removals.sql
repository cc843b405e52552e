-- name: lock_user
-- Nobody makes anything of his until this transaction ends.
select id from users where id = :id {lock_rows}

-- name: phones_of_user
-- The phones of one user.
select phone_id from subscriptions where user_id = :id

-- name: begin_removal
-- He is being removed; once more, if he was before.
insert into removals (user_id, removed_at, details) values (:id, :now, :details)
on conflict (user_id) do update set removed_at = excluded.removed_at, details = excluded.details

-- name: forget_user
-- All that is left of a user is his id.
update users set name = '', username = null, time_zone = 'UTC', locale = 'en', time_format = 24,
  organization_id = null, preferences = null, removed_at = :now, refreshed_at = :now
where id = :id

-- name: drop_keys
-- His keys open nothing.
delete from api_keys where user_id = :id

-- name: drop_subscriptions
-- Nothing rings for him.
delete from subscriptions where user_id = :id

-- name: drop_addresses_of
-- His addresses are free for others.
delete from addresses where user_id = :id

-- name: drop_sources
-- His webhooks are not listened to.
delete from sources where user_id = :id

-- name: drop_notices
-- Nobody is told of him any more.
delete from notices where user_id = :id

-- name: disown_phones
-- Phones of his ring for nobody until somebody registers them.
update phones set owner_user_id = null where owner_user_id = :user_id
  and id in (select id from rows(id bigint) as r)

-- name: keep_hashes
-- By these addresses he is known again.
insert into removed_addresses (hash, user_id)
select hash, user_id from rows(hash text, user_id bigint) as r where true
on conflict (hash) do update set user_id = excluded.user_id

-- name: free_hashes
-- Somebody has these addresses.
delete from removed_addresses where hash in (select hash from rows(hash text) as r)

-- name: free_user
-- He is here again.
delete from removed_addresses where user_id = :id

-- name: any_hash
-- Whether anybody was removed.
select 1 from removed_addresses limit 1

-- name: known_hashes
-- Who had these addresses, and was removed.
select a.hash, a.user_id from rows(hash text) as r join removed_addresses a on a.hash = r.hash

-- name: removals_under_way
-- Who is not removed to the end.
select user_id, removed_at, details from removals where details is not null order by user_id

-- name: next_removal
-- One who is not removed to the end; nobody else goes on with him meanwhile.
select d.user_id, d.removed_at, d.details from removals d where d.details is not null
order by d.user_id limit 1
{lock_due}

-- name: keep_place
-- How far that is.
update removals set details = :details where user_id = :id

-- name: told_before
-- Something that was said to him before he was removed.
select id from notifications where user_id = :id and created_at <= :removed_at limit :number

-- name: drop_waiting
-- What was to be said to him later, before he was removed, is gone.
delete from notifications
where user_id = :id and state = 'waiting' and created_at <= :removed_at

-- name: drop_deliveries_of
-- Some deliveries of what was said are gone, with their attempts.
delete from deliveries where id in (
  select id from deliveries where notification_id = :id limit :number)

-- name: page_of_bookings
-- Bookings above an id, and whom they name.
select id, uid, people, observed from bookings where id > :after order by id limit :number

-- name: bookings_by_uid
-- Some of them as they stand; nobody changes them meanwhile.
select b.uid, b.id, b.status, b.title, b.start_at, b.end_at, b.place, b.people, b.seats,
  b.observed, b.replaced_by_uid, b.version
from rows(uid text) as r join bookings b on b.uid = r.uid
order by b.uid
{lock_bookings}

-- name: veil_bookings
-- They name somebody less. It is no news of them: they are as old as they were.
update bookings set title = r.title, place = r.place, people = r.people, observed = r.observed
from rows(id bigint, title text, place text, people text, observed text) as r
where bookings.id = r.id

-- name: page_of_facts
-- What was said of bookings, above an id.
select id, facts from notifications where id > :after order by id limit :number

-- name: veil_facts
-- It names somebody less.
update notifications set facts = r.facts from rows(id bigint, facts text) as r
where notifications.id = r.id

-- name: drop_words_hashes
-- Nor does what is kept of its words.
update attempts set words_hash = null where words_hash is not null and delivery_id in (
  select d.id from rows(id bigint) as r join deliveries d on d.notification_id = r.id)

-- name: page_of_events
-- Events above an id, as they came.
select id, actor, raw from events where id > :after order by id limit :number

-- name: veil_events
-- What came in is not kept as it came, because it names somebody.
update events set raw = :nothing, actor = r.actor from rows(id bigint, actor text) as r
where events.id = r.id
