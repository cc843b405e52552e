-- name: insert_deliveries
-- The notifications are on their way to these phones.
insert into deliveries (notification_id, user_id, subscription_id, phone_id, platform, project_id,
  key, state, due_at, expires_at, attempt, possibly_sent, most_together, created_at, line)
select notification_id, user_id, subscription_id, phone_id, platform, project_id,
  key, 'queued', :now, expires_at, 0, 0, :most_together, :now, line
from rows(notification_id bigint, user_id bigint, subscription_id bigint, phone_id bigint,
  platform text, project_id bigint, key text, expires_at bigint, line bigint) as r where true

-- name: pick_project
-- A project that may be sent to now and has something due: the one that was sent to longest ago.
-- Phones of unknown project (row 1) count against the rate of every project. Whoever waited for a
-- row sees its newest state, but the old one of all others: so what two may take at the same time
-- is asked of the locked rows themselves.
select p.id from projects p join projects u on u.id = 1
where p.backoff_until <= :now and p.free_at <= :soon and u.free_at <= :soon
  and not exists (select 1 from projects o
    where o.free_at > :soon and (o.id in (p.id, 1) or p.id = 1))
  and (exists (select 1 from deliveries d
      where d.project_id = p.id and d.state = 'queued' and d.line > 0)
    or exists (select 1 from deliveries d
      where d.project_id = p.id and d.state = 'queued' and d.line = 0 and {turn} <= :now))
order by p.claimed_at, p.id limit 1
{lock_projects}

-- name: next_turn
-- When the project may be sent to again. To be asked by who has picked it, so that it stays so.
select max(o.free_at) from projects o where o.id in (:id, 1) or :id = 1

-- name: opens_at
-- When the project may be sent to again: at its turn, and not before its pause is over.
select max(case when o.id = :id and o.backoff_until > o.free_at then o.backoff_until
  else o.free_at end)
from projects o where o.id in (:id, 1) or :id = 1

-- name: line_up
-- Some that were in no line before they were due stand in the one that goes by deadlines.
update deliveries set line = 2 where id in (
  select d.id from deliveries d
  where d.project_id = :project_id and d.state = 'queued' and d.line = 0 and {turn} <= :now
  order by {turn} limit :number
  {lock_due})

-- name: first_in_lines
-- The first of each line of this project, with until when each is news.
select expires_at, id from (
  select d.id, d.expires_at from deliveries d
  where d.project_id = :project_id and d.state = 'queued' and d.line = 1
  order by {turn}, d.due_at, d.id limit :number) as singles
union all
select expires_at, id from (
  select d.id, d.expires_at from deliveries d
  where d.project_id = :project_id and d.state = 'queued' and d.line = 2
  order by {turn}, d.due_at, d.id limit :number) as bulk

-- name: newest_singles
-- The newest single pushes of this project, by their phones.
select d.id, d.phone_id from deliveries d
where d.project_id = :project_id and d.state = 'queued' and d.line = 1
order by {turn} desc, d.due_at desc, d.id desc limit :number

-- name: queued_by_id
-- Those of these that are queued, with all that their words are made from. See `still_queued`.
{deliveries_with_all_for_their_words}
where d.id in (select id from rows(id bigint) as r) and d.state || '' = 'queued'
{lock_due}

-- name: held_deliveries
-- Some of a line that wait for a hold of this project and platform, those that can wait longest;
-- chosen before anything is joined.
{deliveries_with_all_for_their_words}
where d.state || '' = 'queued' and d.id in (
  select d.id from deliveries d
  where d.project_id = :project_id and d.state = 'queued' and d.line = :line
    and (:platform = '' or d.platform = :platform)
  order by {turn} desc, d.due_at desc, d.id desc limit :number)
order by {turn} desc, d.due_at desc, d.id desc
{lock_due}

-- name: hold_deliveries
-- They wait, until they are stale or the hold is lifted.
update deliveries set due_at = expires_at, line = 0, reason = r.code
from rows(id bigint, code text) as r where deliveries.id = r.id and {still_queued}

-- name: postpone_deliveries
-- They wait for the end of quiet hours.
update deliveries set due_at = r.due_at, line = 0, reason = 'quiet_hours'
from rows(id bigint, due_at bigint) as r where deliveries.id = r.id and {still_queued}

-- name: judge_deliveries_again
-- What waits for the end of this user's quiet hours is due.
update deliveries set due_at = :now
where user_id = :user_id and state = 'queued' and reason = 'quiet_hours'

-- name: resume_deliveries
-- Some that were held for this are due.
update deliveries set due_at = :now, reason = null where id in (
  select d.id from deliveries d
  where d.project_id = :project_id and d.state = 'queued' and d.line = 0 and {turn} > :now
    and d.reason = :code and (:platform = '' or d.platform = :platform)
  order by {turn} limit :number
  {lock_due})

-- name: any_held
-- One that is held for this, if there is any.
select d.id from deliveries d
where d.project_id = :project_id and d.state = 'queued' and d.line = 0 and {turn} > :now
  and d.reason = :code and (:platform = '' or d.platform = :platform)
limit 1

-- name: lease_deliveries
-- This worker sends them, until its lease runs out. Those that come back are in no line before
-- they are due.
-- moves: queued -> sending
update deliveries set state = 'sending', worker = :worker, lease_until = :lease_until,
  attempt = attempt + 1, line = 0
from rows(id bigint) as r where deliveries.id = r.id and {still_queued}

-- name: end_queued
-- They are not sent, for a reason found when they were claimed.
-- moves: queued -> withdrawn, queued -> expired, queued -> unknown
update deliveries set state = r.state, reason = r.reason, settled_at = :now
from rows(id bigint, state text, reason text) as r
where deliveries.id = r.id and {still_queued}

-- name: pace_project
-- The next request to this project is paced by what was just taken.
update projects set claimed_at = :now, free_at = :free_at where id = :id

-- name: put_off_project
-- A request left later than at its turn: so the one after it has to.
update projects set free_at = free_at + :by where id = :id

-- name: pause_project
-- Nothing is sent to this project before then.
update projects set backoff_until = :until where id = :id and backoff_until < :until

-- name: accept_deliveries
-- Expo took them; whoever sent them, and however late the ticket comes.
-- moves: queued -> accepted, sending -> accepted, failed -> accepted, unknown -> accepted
update deliveries set state = 'accepted', reason = null, worker = null, lease_until = null,
  settled_at = null
from rows(id bigint) as r
where deliveries.id = r.id and deliveries.state in ('queued', 'sending', 'failed', 'unknown')

-- name: settle_sending
-- What became of a sending that was not accepted; only if this worker's lease still stood.
-- moves: sending -> queued, sending -> unregistered, sending -> failed, sending -> unknown
update deliveries set state = r.state, reason = r.reason, due_at = r.due_at,
  possibly_sent = r.possibly_sent, most_together = r.most_together, worker = null,
  lease_until = null, settled_at = r.settled_at,
  project_id = (select p.project_id from phones p where p.id = deliveries.phone_id)
from rows(id bigint, worker text, attempt bigint, state text, reason text, due_at bigint,
  possibly_sent bigint, most_together bigint, settled_at bigint) as r
where deliveries.id = r.id and deliveries.state = 'sending'
  and deliveries.worker = r.worker and deliveries.attempt = r.attempt

-- name: save_attempts
-- What each attempt came to. A late answer replaces the note that it was lost; of a delivery that
-- went with its user meanwhile nothing is kept.
insert into attempts (delivery_id, number, at, outcome, code, ticket_id, receipt_due_at,
  receipt_look, words_hash)
select r.delivery_id, r.number, r.at, r.outcome, r.code, r.ticket_id, r.receipt_due_at, 0,
  r.words_hash
from rows(delivery_id bigint, number bigint, at bigint, outcome text, code text, ticket_id text,
  receipt_due_at bigint, words_hash text) as r
join deliveries d on d.id = r.delivery_id where true
{keep_deliveries}
on conflict (delivery_id, number) do update set at = excluded.at, outcome = excluded.outcome, code = excluded.code,
  ticket_id = excluded.ticket_id, receipt_due_at = excluded.receipt_due_at,
  words_hash = coalesce(excluded.words_hash, attempts.words_hash)

-- name: lost_leases
-- What somebody claimed and never reported on.
select d.id, d.attempt from deliveries d
where d.state = 'sending' and d.lease_until <= :now
order by d.lease_until limit :number
{lock_due}

-- name: requeue_lost
-- They are queued again, in the line of their phone's project, which may be known by now. Nobody
-- knows whether they were sent.
-- moves: sending -> queued
update deliveries set state = 'queued', due_at = :now, possibly_sent = 1, worker = null,
  lease_until = null,
  project_id = (select p.project_id from phones p where p.id = deliveries.phone_id)
from rows(id bigint) as r where deliveries.id = r.id and deliveries.state = 'sending'

-- name: end_all_leases
-- No other process serves this database: what is leased was left behind by one that died.
update deliveries set lease_until = :now where state = 'sending' and lease_until > :now

-- name: next_due_delivery
-- When something can be claimed again: due, not paused, and so much before its turn.
select min(case when w.due_at > w.free_at then w.due_at else w.free_at end) from (
  select case when f.free_at - :lead > p.backoff_until then f.free_at - :lead
      else p.backoff_until end as free_at,
    coalesce(
      (select 0 from deliveries d
        where d.project_id = p.id and d.state = 'queued' and d.line > 0 limit 1),
      (select {turn} from deliveries d
        where d.project_id = p.id and d.state = 'queued' and d.line = 0
        order by {turn} limit 1)) as due_at
  from projects p
  join (select p.id, max(o.free_at) as free_at from projects p
    join projects o on o.id in (p.id, 1) or p.id = 1
    group by p.id) as f on f.id = p.id
) as w
where w.due_at is not null

-- name: next_lost_lease
-- When the next lease runs out.
select min(lease_until) from deliveries where state = 'sending'

-- name: notify
-- Workers in other processes look for work now.
{notify}
