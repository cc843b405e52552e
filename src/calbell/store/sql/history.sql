-- name: events_without_booking
-- What came in during a time and belongs to no booking, in pages.
select e.id, e.booking_id, e.public_id, e.trigger_name, e.state, e.sent_at, e.received_at,
  e.mended_at, e.raw, k.key, k.seen_at
from events e left join event_keys k on k.event_id = e.id
where e.booking_id is null and e.received_at >= :at and e.received_at < :until
  and (e.received_at > :at or e.id > :after)
order by e.booking_id, e.received_at, e.id limit :number

-- name: bookings_in_turn
-- Bookings of which something came in during a time, in the order in which it came first.
select e.id, e.booking_id from events e
where e.id > :after and e.received_at >= :since and e.received_at < :until
  and e.booking_id is not null
  and not exists (select 1 from events o
    where o.booking_id = e.booking_id and o.id < e.id and o.received_at >= :since)
order by e.id limit :number

-- name: events_of_bookings
-- All that came in about these bookings, ever.
select e.id, e.booking_id, e.public_id, e.trigger_name, e.state, e.sent_at, e.received_at,
  e.mended_at, e.raw, k.key, k.seen_at
from rows(booking_id bigint) as r
join events e on e.booking_id = r.booking_id
left join event_keys k on k.event_id = e.id

-- name: events_by_uid
-- The same of the bookings with these uids.
select e.id, e.booking_id, e.public_id, e.trigger_name, e.state, e.sent_at, e.received_at,
  e.mended_at, e.raw, k.key, k.seen_at, b.uid
from rows(uid text) as r
join bookings b on b.uid = r.uid
join events e on e.booking_id = b.id
left join event_keys k on k.event_id = e.id

-- name: notifications_of_bookings
-- All that was planned to be said of these bookings.
select n.id, n.booking_id, n.event_id, n.user_id, n.role, n.kind, n.state, n.reason, n.due_at,
  n.created_at, n.facts
from rows(booking_id bigint) as r join notifications n on n.booking_id = r.booking_id

-- name: words_of_bookings
-- What is kept of the words that were sent of them.
select a.id, n.id, a.at, a.words_hash
from rows(booking_id bigint) as r
join notifications n on n.booking_id = r.booking_id
join deliveries d on d.notification_id = n.id
join attempts a on a.delivery_id = d.id
where a.words_hash is not null

-- name: users_since
-- Since when these users are as they are.
select u.id, coalesce(u.changed_at, u.created_at)
from rows(id bigint) as r join users u on u.id = r.id and u.removed_at is null
