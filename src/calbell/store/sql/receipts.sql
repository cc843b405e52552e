-- name: due_receipts
-- Tickets whose receipt is to be looked for now, longest due first. They are chosen before anything
-- is joined: after an outage PostgreSQL would join and sort all that are due, for each look.
select a.delivery_id, a.number, a.ticket_id, a.receipt_look, a.at, v.phone_id,
  p.token_hash, v.state, v.possibly_sent, (select count(*) from attempts l
    where l.delivery_id = a.delivery_id and l.number > a.number
      and l.ticket_id is not null and {awaits_its_receipt}),
  v.project_id, v.platform, p.suspected_at
from (
  select d.delivery_id, d.number, d.ticket_id, d.receipt_look, d.at, d.receipt_due_at
  from attempts d
  where d.receipt_due_at <= :now
  order by d.receipt_due_at limit :number
  {lock_due}) as a
join deliveries v on v.id = a.delivery_id
join phones p on p.id = v.phone_id
order by a.receipt_due_at

-- name: put_off_receipts
-- Nobody else looks for these receipts before then.
update attempts set receipt_due_at = :until
from rows(delivery_id bigint, number bigint) as r
where attempts.delivery_id = r.delivery_id and attempts.number = r.number

-- name: plan_looks
-- There was no receipt yet: when to look again, or never.
update attempts set receipt_due_at = r.due_at, receipt_look = receipt_look + 1
from rows(delivery_id bigint, number bigint, due_at bigint) as r
where attempts.delivery_id = r.delivery_id and attempts.number = r.number

-- name: save_receipts
-- What the receipts said. They are not asked for again.
update attempts set receipt_at = :now, receipt_code = r.code, receipt_due_at = null
from rows(delivery_id bigint, number bigint, code text) as r
where attempts.delivery_id = r.delivery_id and attempts.number = r.number

-- name: deliver
-- Apple or Google took them, whatever was believed before.
-- moves: queued -> delivered, sending -> delivered, accepted -> delivered, failed -> delivered
-- moves: unregistered -> delivered, unknown -> delivered
update deliveries set state = 'delivered', reason = null, worker = null, lease_until = null,
  settled_at = :now
from rows(id bigint) as r
where deliveries.id = r.id
  and deliveries.state in ('queued', 'sending', 'accepted', 'failed', 'unregistered', 'unknown')

-- name: settle_accepted
-- What became of those that were accepted and not delivered; unless they were accepted again since
-- that receipt was asked for, which whoever asked late does not know. A later ticket that was kept
-- before this one, and has its receipt, says no more: this is the last word.
-- moves: accepted -> unregistered, accepted -> failed, accepted -> queued, accepted -> unknown
update deliveries set state = r.state, reason = r.reason, due_at = r.due_at,
  settled_at = r.settled_at,
  possibly_sent = case when r.in_doubt = 1 then 1 else deliveries.possibly_sent end,
  project_id = (select p.project_id from phones p where p.id = deliveries.phone_id)
from rows(id bigint, number bigint, state text, reason text, due_at bigint,
  settled_at bigint, in_doubt bigint) as r
where deliveries.id = r.id and deliveries.state = 'accepted'
  and not exists (select 1 from attempts l
    where l.delivery_id = r.id and l.number > r.number
      and l.ticket_id is not null and {awaits_its_receipt})

-- name: next_due_receipt
-- When the next look is due.
select min(receipt_due_at) from attempts where receipt_due_at is not null
