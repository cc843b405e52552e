-- name: latest_attempts
-- The newest attempts, and what they were about: when its event came in, and when it was due.
select a.at, a.number, a.outcome, d.project_id, n.kind, n.due_at, e.received_at
from (select id, delivery_id, number, at, outcome from attempts order by id desc limit :number) as a
join deliveries d on d.id = a.delivery_id
join notifications n on n.id = d.notification_id
left join events e on e.id = n.event_id
order by a.id desc

-- name: latest_receipts
-- Of the newest attempts those that have a receipt: how long after the ticket it came.
select receipt_at - at from (
  select id, at, receipt_at from attempts order by id desc limit :looked) as newest
where receipt_at is not null order by id desc limit :number

-- name: receipts_due
-- Receipts that should have been asked for by now, and since when the oldest.
select count(*), min(receipt_due_at) from attempts where receipt_due_at <= :now

-- name: count_sending
-- Deliveries that are on their way to Expo.
select count(*) from deliveries where state = 'sending'

-- name: project_queues
-- The projects at Expo, what is due in each, and when it may be sent to.
select p.id, p.name, p.free_at, p.backoff_until,
  (select count(*) from deliveries d
    where d.project_id = p.id and d.state = 'queued' and d.due_at <= :now),
  (select min(d.due_at) from deliveries d
    where d.project_id = p.id and d.state = 'queued' and d.due_at <= :now)
from projects p order by p.id limit :number

-- name: recent_refusals
-- What was refused lately, by reason.
select reason, count(*), max(at) from refusals where at >= :since group by reason order by reason

-- name: few_phones
-- Registered phones and those of them that are gone, where there are not too many to count.
select count(*), count(dead_at) from (
  select p.dead_at from phones p
  where exists (select 1 from subscriptions s where s.phone_id = p.id) limit :number) as few

-- name: any_source
-- A webhook that was made for this service, if there is one.
select id from sources limit 1
