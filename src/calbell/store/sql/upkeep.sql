-- name: over_bookings
-- Bookings that ended long ago, oldest first.
select id from bookings where coalesce(end_at, updated_at) < :before
order by coalesce(end_at, updated_at) limit :number

-- name: delete_bookings
-- They are gone with their events, notifications, deliveries and attempts.
delete from bookings where id in (select id from rows(id bigint) as r)

-- name: delete_old_events
-- Events about no booking are gone when they are old.
delete from events where id in (
  select id from events where booking_id is null and received_at < :before
  order by received_at limit :number)

-- name: delete_old_notifications
-- Test pushes are gone when they are old.
delete from notifications where id in (
  select id from notifications where booking_id is null and created_at < :before
  order by created_at limit :number)

-- name: delete_unused_phones
-- Phones that nobody has a subscription for, and no history needs.
delete from phones where registered_at < :before and id in (
  select p.id from phones p
  where p.registered_at < :before
    and not exists (select 1 from subscriptions s where s.phone_id = p.id)
    and not exists (select 1 from deliveries d where d.phone_id = p.id)
  limit :number)

-- name: count_deliveries
-- How many deliveries there are in each state.
select state, count(*) from deliveries group by state order by state

-- name: count_notifications
-- How many notifications there are in each state.
select state, count(*) from notifications group by state order by state

-- name: count_phones
-- Phones that can be rung, and those that are gone.
select count(*), count(dead_at) from phones
where exists (select 1 from subscriptions s where s.phone_id = phones.id)

-- name: count_users
-- How many users there are.
select count(*) from users

-- name: count_unreadable
-- Events that nobody could understand.
select count(*) from events where state = 'unreadable'

-- name: last_event
-- When the last event came in.
select received_at from events order by id desc limit 1

-- name: queue_depth
-- How many deliveries are due, and since when the oldest.
select count(*), min(due_at) from deliveries where state = 'queued' and due_at <= :now

-- name: last_errors
-- The newest attempts that failed, and why.
select at, outcome, code from attempts where outcome <> 'accepted' order by id desc limit 5
