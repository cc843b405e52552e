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
select count(*) from users where removed_at is null

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

-- name: storage
-- How many bytes the database has, and how many of them are free for what comes, if that is known.
{storage}
