-- name: known_keys
-- Which of these keys came in before, and as which event.
select k.key, k.body_hash, e.public_id, e.recipients
from rows(key text) as r
join event_keys k on k.key = r.key
join events e on e.id = k.event_id

-- name: insert_events
-- The events are kept.
insert into events (public_id, trigger_name, kind, booking_id, state, reason, recipients, sent_at,
  received_at, actor, body_hash, raw)
select public_id, trigger_name, kind, booking_id, state, reason, recipients, sent_at,
  :now, actor, body_hash, raw
from rows(public_id text, trigger_name text, kind text, booking_id bigint, state text,
  reason text, recipients bigint, sent_at bigint, actor text, body_hash text, raw bytea) as r
where true
returning public_id, id

-- name: insert_event_keys
-- The same again will be known.
insert into event_keys (key, event_id, body_hash, seen_at)
select key, event_id, body_hash, :now
from rows(key text, event_id bigint, body_hash text) as r where true

-- name: insert_refusals
-- Webhooks were refused; only when, why and how large they were is kept.
insert into refusals (at, reason, size)
select :now, reason, size from rows(reason text, size bigint) as r where true

-- name: trim_refusals
-- The last thousand refusals are kept.
delete from refusals where id <= (select max(id) from refusals) - 1000
