-- name: tally_deliveries
-- How some deliveries stand, by the hour in which they were made; some ids from one on.
select created_at / 3600000, state, count(*), cast(sum(possibly_sent) as bigint), max(id)
from (select id, created_at, state, possibly_sent from deliveries where id >= :id
  order by id limit :number) as few
group by created_at / 3600000, state

-- name: tally_notifications
-- The same of notifications.
select created_at / 3600000, state, count(*), 0, max(id)
from (select id, created_at, state from notifications where id >= :id
  order by id limit :number) as few
group by created_at / 3600000, state

-- name: tally_events
-- The same of events, by the hour in which they came in.
select received_at / 3600000, state, count(*), 0, max(id)
from (select id, received_at, state from events where id >= :id order by id limit :number) as few
group by received_at / 3600000, state

-- name: tally_subscriptions
-- The same of phones, by the hour in which a user registered them first.
select created_at / 3600000, 'new', count(*), 0, max(id)
from (select id, created_at from subscriptions where id >= :id order by id limit :number) as few
group by created_at / 3600000

-- name: age_of_deliveries
-- The next delivery from an id on, and when it was made.
select id, created_at from deliveries where id >= :id order by id limit 1

-- name: age_of_notifications
-- The same of notifications.
select id, created_at from notifications where id >= :id order by id limit 1

-- name: age_of_events
-- The same of events.
select id, received_at from events where id >= :id order by id limit 1

-- name: age_of_subscriptions
-- The same of subscriptions.
select id, created_at from subscriptions where id >= :id order by id limit 1

-- name: newest_delivery
-- The highest id there is.
select max(id) from deliveries

-- name: newest_notification
-- The same of notifications.
select max(id) from notifications

-- name: newest_event
-- The same of events.
select max(id) from events

-- name: newest_subscription
-- The same of subscriptions.
select max(id) from subscriptions

-- name: drop_tallies
-- What was counted of these hours is counted anew.
delete from hourly where name = :name and hour >= :since

-- name: save_tallies
-- So many there were in an hour.
insert into hourly (hour, name, label, count)
select hour, name, label, count
from rows(hour bigint, name text, label text, count bigint) as r where true
on conflict (hour, name, label) do update set count = excluded.count

-- name: forget_tallies
-- What is that old nobody looks at.
delete from hourly where hour > 0 and hour < :before

-- name: hourly_tallies
-- What was counted, hour by hour.
select hour, name, label, count from hourly where hour >= :since order by hour, name, label

-- name: last_tally
-- When it was counted last, and since when everything was counted.
select label, count from hourly where hour = 0 and name = 'counted'
