-- name: known_keys
-- Which of these keys came in before, and as which event.
select k.key, k.body_hash, e.public_id, e.recipients
from rows(key text) as r
join event_keys k on k.key = r.key
join events e on e.id = k.event_id

-- name: insert_events
-- The events are kept.
insert into events (public_id, source_id, trigger_name, kind, booking_id, state, reason, recipients,
  sent_at, received_at, actor, body_hash, raw)
select public_id, source_id, trigger_name, kind, booking_id, state, reason, recipients,
  sent_at, received_at, actor, body_hash, raw
from rows(public_id text, source_id bigint, trigger_name text, kind text, booking_id bigint,
  state text, reason text, recipients bigint, sent_at bigint, received_at bigint, actor text,
  body_hash text, raw bytea) as r
where true
returning public_id, id

-- name: insert_event_keys
-- The same again will be known.
insert into event_keys (key, event_id, body_hash, seen_at)
select key, event_id, body_hash, :now
from rows(key text, event_id bigint, body_hash text) as r where true

-- name: newest_events
-- What came in, newest first.
select public_id, trigger_name, state, reason, received_at, length(raw)
from events where received_at >= :since order by id desc limit :number

-- name: newest_unreadable
-- What came in and nobody could understand, newest first.
select public_id, trigger_name, state, reason, received_at, length(raw)
from events where state = 'unreadable' and received_at >= :since
order by received_at desc, id desc limit :number

-- name: event_ids
-- What came in during a time, in pages.
select id from events
where id > :after and received_at >= :since and received_at < :until order by id limit :number

-- name: unreadable_ids
-- What of it nobody could understand, in pages.
select id from events
where state = 'unreadable' and id > :after and received_at >= :since and received_at < :until
order by id limit :number

-- name: count_event_ids
-- How much came in during a time.
select count(*) from events where received_at >= :since and received_at < :until

-- name: count_unreadable_ids
-- How much of it nobody could understand.
select count(*) from events
where state = 'unreadable' and received_at >= :since and received_at < :until

-- name: stored_events
-- Events with their bodies; nobody else takes them in again meanwhile.
select e.id, e.public_id, e.state, e.received_at, e.raw
from rows(id bigint) as r join events e on e.id = r.id
order by e.id
{lock_events}

-- name: update_events
-- They were taken in again, and this was made of them now.
update events set
  trigger_name = r.trigger_name, kind = r.kind, booking_id = r.booking_id, state = r.state,
  reason = r.reason, recipients = events.recipients + r.recipients, sent_at = r.sent_at,
  actor = r.actor,
  mended_at = case when events.state in ('unreadable', 'ignored') then :now
    else events.mended_at end
from rows(public_id text, trigger_name text, kind text, booking_id bigint, state text,
  reason text, recipients bigint, sent_at bigint, actor text) as r
where events.public_id = r.public_id
returning events.public_id, events.id

-- name: insert_refusals
-- Webhooks were refused; only when, why and how large they were is kept.
insert into refusals (at, reason, size)
select :now, reason, size from rows(reason text, size bigint) as r where true

-- name: trim_refusals
-- The last thousand refusals are kept.
delete from refusals where id <= (select max(id) from refusals) - 1000

-- name: last_refusals
-- The newest refusals.
select at, reason, size from refusals order by id desc limit :number

-- name: count_trigger
-- How many events of one name came in since then.
select count(*) from events where received_at >= :since and trigger_name = :trigger
  and state = 'taken'
