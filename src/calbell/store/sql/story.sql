-- name: story_events
-- What came in about a booking.
select id, public_id, trigger_name, kind, state, sent_at, received_at
from events where booking_id = :booking_id order by received_at, id

-- name: story_notifications
-- Who was told of it, or not and why.
select id, event_id, user_id, role, kind, state, reason, due_at, expires_at, superseded_by,
  settled_at
from notifications where booking_id = :booking_id order by id

-- name: story_deliveries
-- On which phones.
select d.id, d.notification_id, d.platform, p.token_hash, d.state, d.reason, d.due_at,
  d.possibly_sent, d.settled_at
from deliveries d
join notifications n on n.id = d.notification_id
join phones p on p.id = d.phone_id
where n.booking_id = :booking_id order by d.id

-- name: story_attempts
-- Each attempt with its ticket and receipt.
select a.delivery_id, a.number, a.at, a.outcome, a.code, a.ticket_id, a.receipt_due_at,
  a.receipt_at, a.receipt_code
from attempts a
join deliveries d on d.id = a.delivery_id
join notifications n on n.id = d.notification_id
where n.booking_id = :booking_id order by a.id

-- name: deliveries_of_notification
-- On which phones one notification was said.
select d.id, d.notification_id, d.platform, p.token_hash, d.state, d.reason, d.due_at,
  d.possibly_sent, d.settled_at
from deliveries d
join phones p on p.id = d.phone_id
where d.notification_id = :notification_id order by d.id

-- name: attempts_of_notification
-- The attempts for one notification.
select a.delivery_id, a.number, a.at, a.outcome, a.code, a.ticket_id, a.receipt_due_at,
  a.receipt_at, a.receipt_code
from attempts a
join deliveries d on d.id = a.delivery_id
where d.notification_id = :notification_id order by a.id

-- name: notifications_of_user
-- What was to be said to a user since then, the newest first.
select n.id, b.uid, n.role, n.kind, n.state, n.reason, n.due_at, n.created_at, n.settled_at,
  e.trigger_name, n.expires_at
from notifications n
left join bookings b on b.id = n.booking_id
left join events e on e.id = n.event_id
where n.user_id = :user_id and n.created_at >= :since
order by n.id desc limit :number

-- name: deliveries_of_notifications
-- On which phones these notifications were said.
select d.id, d.notification_id, d.platform, p.token_hash, d.state, d.reason, d.due_at,
  d.possibly_sent, d.settled_at
from rows(notification_id bigint) as r
join deliveries d on d.notification_id = r.notification_id
join phones p on p.id = d.phone_id
order by d.id

-- name: attempts_of_notifications
-- The attempts for these notifications.
select a.delivery_id, a.number, a.at, a.outcome, a.code, a.ticket_id, a.receipt_due_at,
  a.receipt_at, a.receipt_code
from rows(notification_id bigint) as r
join deliveries d on d.notification_id = r.notification_id
join attempts a on a.delivery_id = d.id
order by a.id
