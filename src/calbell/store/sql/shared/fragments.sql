-- What several statements have in common.

-- name: deliveries_with_all_for_their_words
-- Deliveries, with what decides about them and with all that their words are made from.
select d.id, d.attempt, d.possibly_sent, d.user_id, d.platform, d.key, d.expires_at, d.phone_id,
  p.token, p.owner_user_id, p.dead_at, s.id, n.superseded_by, n.role, n.kind, n.facts,
  e.public_id, u.time_zone, u.locale, u.time_format, d.most_together, d.reason, p.suspected_at,
  u.preferences, n.booking_id, n.id
from deliveries d
join notifications n on n.id = d.notification_id
join users u on u.id = d.user_id
join phones p on p.id = d.phone_id
left join subscriptions s on s.id = d.subscription_id
left join events e on e.id = n.event_id

-- name: still_queued
-- Asked of rows that are found by their ids. Said so, no index of what is queued answers it: with a
-- plan from when little was queued, PostgreSQL would read that index whole for every request.
deliveries.state || '' = 'queued'

-- name: still_waiting
-- The same of notifications.
notifications.state || '' = 'waiting'

-- name: awaits_its_receipt
-- The same of attempts that are found by their delivery: not among all that wait for a receipt.
coalesce(l.receipt_due_at, 0) > 0

-- name: turn
-- What orders each line of queued deliveries (domain/turns.py).
case d.line when 2 then d.expires_at else d.due_at end

-- name: keep_notifications
-- New notifications, of a list of all that they hold.
insert into notifications (event_id, booking_id, booking_version, user_id, role, kind, state,
  reason, due_at, expires_at, facts, created_at, settled_at)
select event_id, booking_id, booking_version, user_id, role, kind, state, reason, due_at,
  expires_at, facts, :now, settled_at
