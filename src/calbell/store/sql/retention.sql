-- name: go_by_indexes
-- Whatever the statistics say, this transaction reads no table whole: its steps are to be short.
{go_by_indexes}

-- name: over_bookings
-- Bookings that ended long ago, the oldest first, from a place on; nobody changes them meanwhile.
select d.id, coalesce(d.end_at, d.updated_at)
from bookings d
where coalesce(d.end_at, d.updated_at) >= :at and coalesce(d.end_at, d.updated_at) < :before
  and (coalesce(d.end_at, d.updated_at) > :at or d.id > :after)
  and d.updated_at < :quiet_since
order by coalesce(d.end_at, d.updated_at), d.id limit :number
{lock_due}

-- name: weigh_bookings
-- How many rows go with each booking, at most, counted up to a number; null if any is unfinished.
select r.id, 1 + 2 * (
    select count(*) from (
      select e.id from events e left join notifications n on n.event_id = e.id
      where e.booking_id = r.id limit :most) as led
  ) + 3 * (
    select case when max(unfinished) = 1 then null else count(*) end from (
      select case when n.state = 'waiting' or d.state in ('queued', 'sending')
        or a.receipt_due_at is not null then 1 else 0 end as unfinished
      from notifications n
      left join deliveries d on d.notification_id = n.id
      left join attempts a on a.delivery_id = d.id
      where n.booking_id = r.id limit :most) as told
  )
from rows(id bigint) as r

-- name: delete_told
-- What was said of these bookings is gone, with its deliveries and attempts.
delete from notifications where booking_id in (select id from rows(id bigint) as r)

-- name: delete_bookings
-- They are gone with their events and the keys of these.
delete from bookings where id in (select id from rows(id bigint) as r)

-- name: some_told
-- Something that was said of a booking.
select id from notifications where booking_id = :booking_id limit :number

-- name: untied_notifications
-- What belongs to no booking (test pushes) and is old, the oldest first, from a place on.
select d.id, d.created_at
from notifications d
where d.booking_id is null and d.created_at >= :at and d.created_at < :before
  and (d.created_at > :at or d.id > :after)
order by d.booking_id, d.created_at, d.id limit :number
{lock_due}

-- name: weigh_notifications
-- How many rows go with each, at most, counted up to a number; null if any is unfinished.
select n.id, case when n.state = 'waiting' then null else 1 + 2 * (
    select case when max(unfinished) = 1 then null else count(*) end from (
      select case when d.state in ('queued', 'sending') or a.receipt_due_at is not null
        then 1 else 0 end as unfinished
      from deliveries d left join attempts a on a.delivery_id = d.id
      where d.notification_id = n.id limit :most) as sent
  ) end
from rows(id bigint) as r join notifications n on n.id = r.id

-- name: delete_notifications
-- They are gone with their deliveries and attempts.
delete from notifications where id in (select id from rows(id bigint) as r)

-- name: trim_attempts
-- Of a notification with very many, some finished attempts are gone.
delete from attempts where id in (
  select a.id from (
    select id, state from deliveries where notification_id = :notification_id limit :number) as few
  join attempts a on a.delivery_id = few.id
  where few.state not in ('queued', 'sending') and a.receipt_due_at is null limit :number)

-- name: trim_deliveries
-- And some finished deliveries that have no attempts left.
delete from deliveries where id in (
  select few.id from (
    select id, state from deliveries where notification_id = :notification_id limit :number) as few
  where few.state not in ('queued', 'sending')
    and not exists (select 1 from attempts a where a.delivery_id = few.id))

-- name: part_notifications
-- Of a booking with very many events: what these led to at other bookings forgets from where.
update notifications set event_id = null where id in (
  select n.id from notifications n
  where n.event_id in (select id from events where booking_id = :booking_id limit :number)
    and n.booking_id <> :booking_id
  limit :number)

-- name: trim_events
-- And some events that led to nothing that is still there are gone, with their keys.
delete from events where id in (
  select few.id from (select id from events where booking_id = :booking_id limit :number) as few
  where not exists (select 1 from notifications n where n.event_id = few.id))

-- name: untied_events
-- Events about no booking that are old, the oldest first; nobody takes them in again meanwhile.
select d.id from events d where d.booking_id is null and d.received_at < :before
order by d.booking_id, d.received_at limit :number
{lock_due}

-- name: delete_events
-- They are gone with their keys.
delete from events where id in (select id from rows(id bigint) as r)

-- name: disowned_phones
-- Phones that ring for nobody, from a place on; nobody changes them meanwhile.
select d.id from phones d
where d.owner_user_id is null and d.id > :after and d.registered_at < :before
order by d.owner_user_id, d.id limit :number
{lock_due}

-- name: delete_phones
-- Those of them that nobody has a subscription for, and no history needs, are gone.
delete from phones where id in (select id from rows(id bigint) as r)
  and not exists (select 1 from subscriptions s where s.phone_id = phones.id)
  and not exists (select 1 from deliveries d where d.phone_id = phones.id)
returning id
