-- name: told_to_user
-- What was to be said to one user, above an id, and about which booking.
select n.id, b.uid, n.role, n.kind, n.state, n.reason, n.created_at, n.due_at, n.facts
from notifications n left join bookings b on b.id = n.booking_id
where n.user_id = :user_id and n.id > :after order by n.id limit :number

-- name: sent_for
-- What became of that on each phone.
select d.notification_id, d.platform, d.state, d.reason, d.settled_at
from rows(notification_id bigint) as r
join deliveries d on d.notification_id = r.notification_id
order by d.notification_id, d.id
