-- name: insert_notifications
-- The notifications exist. Those to be said now are made in the state that they have after it.
{keep_notifications}
from rows(event_id bigint, booking_id bigint, booking_version bigint, user_id bigint, role text,
  kind text, state text, reason text, due_at bigint, expires_at bigint, facts text,
  settled_at bigint) as r
where true
returning id, booking_id, user_id, kind, due_at

-- name: add_notifications
-- The same, where they do not exist: what was told by a clock that was ahead is not told again.
{keep_notifications}
from rows(event_id bigint, booking_id bigint, booking_version bigint, user_id bigint, role text,
  kind text, state text, reason text, due_at bigint, expires_at bigint, facts text,
  settled_at bigint) as r
where true
on conflict (booking_id, booking_version, user_id, kind, due_at) do nothing
returning id

-- name: waiting_of_bookings
-- What waits for its time, of these bookings; nobody releases it meanwhile.
select n.id, n.booking_id, n.user_id, n.role, n.kind, n.due_at, n.expires_at, n.facts,
  n.reason
from rows(booking_id bigint) as r
join notifications n on n.booking_id = r.booking_id
where n.state || '' = 'waiting'
{lock_waiting}

-- name: supersede_waiting
-- A change of the booking made these pointless.
-- moves: waiting -> superseded
update notifications set state = 'superseded', superseded_by = r.event_id, settled_at = :now
from rows(id bigint, event_id bigint) as r
where notifications.id = r.id and {still_waiting}

-- name: supersede_released
-- What was said of these bookings before this version, and has not left yet, is not to be sent.
-- moves: released -> released
update notifications set superseded_by = r.event_id
from rows(booking_id bigint, version bigint, event_id bigint) as r
where notifications.booking_id = r.booking_id and notifications.booking_version < r.version
  and notifications.state = 'released' and notifications.superseded_by is null
  and notifications.kind in ('BOOKING_REQUESTED', 'BOOKING_REQUEST_REMINDER', 'BOOKING_CONFIRMED',
    'BOOKING_REJECTED', 'BOOKING_RESCHEDULED', 'BOOKING_RESCHEDULE_REQUESTED',
    'BOOKING_CANCELLED', 'BOOKING_PROPOSAL_REQUESTED', 'BOOKING_REMINDER')

-- name: due_notifications
-- Those whose time has come, longest waiting first, and of one moment the nearest deadline; nobody
-- else releases them meanwhile.
select d.id, d.booking_id, d.user_id, d.role, d.kind, d.due_at, d.expires_at, d.facts,
  d.reason
from notifications d
where d.state = 'waiting' and d.due_at <= :now
order by d.due_at, d.expires_at, d.id limit :number
{lock_due}

-- name: change_facts
-- One that waits says something more.
update notifications set facts = :facts where id = :id and state = 'waiting'

-- name: settle_waiting
-- What became of those whose time had come. What had kept them stays with those that were said.
-- moves: waiting -> released, waiting -> suppressed, waiting -> expired
update notifications set state = r.state, reason = coalesce(r.reason, notifications.reason),
  settled_at = :now
from rows(id bigint, state text, reason text) as r
where notifications.id = r.id and {still_waiting}

-- name: make_room
-- Reminders that were switched off before their time go, where the same ones are to wait again.
delete from notifications where id in (
  select n.id from rows(booking_id bigint, version bigint, user_id bigint, kind text,
    due_at bigint) as r
  join notifications n on n.booking_id = r.booking_id and n.booking_version = r.version
    and n.user_id = r.user_id and n.kind = r.kind and n.due_at = r.due_at
  where n.due_at > :now and n.state = 'suppressed' and n.reason in ('switched_off', 'planned_anew'))

-- name: hold_waiting
-- They wait for the end of quiet hours, unless the same is said then anyway: by one that waits for
-- it already, or by one of these that was due before it.
update notifications set due_at = r.due_at, reason = 'quiet_hours'
from rows(id bigint, due_at bigint) as r
where notifications.id = r.id and {still_waiting}
  and not exists (select 1 from notifications o
    where o.booking_id = notifications.booking_id and o.user_id = notifications.user_id
      and o.kind = notifications.kind and o.id <> notifications.id
      and (o.booking_version = notifications.booking_version
        or o.kind = 'BOOKING_REMINDER' and o.state = 'waiting')
      and (o.due_at = r.due_at
        or o.state = 'waiting' and (o.due_at, o.id) < (notifications.due_at, notifications.id)
          and (o.id, r.due_at) in (select id, due_at from rows(id bigint, due_at bigint) as q)))
returning notifications.id

-- name: judge_again
-- News that waits for the end of this user's quiet hours is due.
update notifications set due_at = :now
where user_id = :user_id and state = 'waiting' and reason = 'quiet_hours'
  and kind <> 'BOOKING_REMINDER'

-- name: heard_of
-- Who was told anything of these bookings.
select distinct n.booking_id, n.user_id
from rows(booking_id bigint) as r join notifications n on n.booking_id = r.booking_id
where n.state = 'released'

-- name: next_due_notification
-- When the next one is due.
select min(due_at) from notifications where state = 'waiting'
