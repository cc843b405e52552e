-- name: insert_notices
-- They are to be sent now. What was told before is not told again.
insert into notices (public_id, about, kind, user_id, body, created_at, due_at, attempt)
select public_id, about, kind, user_id, body, created_at, created_at, 0
from rows(public_id text, about text, kind text, user_id bigint, body text, created_at bigint) as r
where true
on conflict do nothing

-- name: lock_notifications
-- Of two who end the last deliveries of one notification, the second sees what the first one did.
select n.id from rows(id bigint) as r join notifications n on n.id = r.id order by n.id
{lock_notifications}

-- name: notifications_of
-- What these deliveries are of.
select d.notification_id from rows(id bigint) as r join deliveries d on d.id = r.id

-- name: fates
-- What became of notifications about bookings, and of their deliveries, but of users who were
-- removed.
select n.id, n.user_id, n.kind, b.uid, e.public_id, n.state, n.reason, n.superseded_by,
  n.created_at, d.state, d.reason, d.possibly_sent
from rows(id bigint) as r
join notifications n on n.id = r.id
join bookings b on b.id = n.booking_id
join users u on u.id = n.user_id
left join events e on e.id = n.event_id
left join deliveries d on d.notification_id = n.id
where u.removed_at is null
order by n.id, d.id

-- name: gone_devices
-- Those of these phones that are gone since this very moment, by who has a subscription.
select s.id, s.user_id, s.platform, s.device_id, p.token, p.dead_code, p.owner_user_id
from rows(phone_id bigint) as r
join phones p on p.id = r.phone_id
join subscriptions s on s.phone_id = p.id
where p.dead_at = :now
order by s.id

-- name: due_notices
-- Some that are due, longest first; nobody else sends them meanwhile.
select d.id, d.public_id, d.kind, d.body, d.attempt, d.created_at from notices d
where d.settled_at is null and d.due_at <= :now
order by d.due_at, d.id limit :number
{lock_due}

-- name: lease_notices
-- They are being sent; if that is never reported, they are due again when the lease has run out.
update notices set due_at = :until, attempt = attempt + 1
from rows(id bigint) as r where notices.id = r.id

-- name: take_notices
-- Somebody has them, whoever sent them and whenever that is heard.
update notices set outcome = 'taken', settled_at = :now, failure = null, failed_at = null
from rows(public_id text) as r
where notices.public_id = r.public_id
  and (notices.settled_at is null or notices.outcome = 'given_up')

-- name: put_off_notices
-- An attempt was in vain: they are sent again then, or, without a time, never. Only as long as
-- nobody else tried since.
update notices set failure = r.failure, failed_at = :now,
  due_at = coalesce(r.due_at, notices.due_at),
  outcome = case when r.due_at is null then 'given_up' end,
  settled_at = case when r.due_at is null then cast(:now as {int}) end
from rows(public_id text, attempt bigint, failure text, due_at bigint) as r
where notices.public_id = r.public_id and notices.attempt = r.attempt and notices.settled_at is null

-- name: next_due_notice
-- When the next one is due.
select min(due_at) from notices where settled_at is null

-- name: notices_waiting
-- How many wait, as far as they are counted, since when the first, and how many of them were tried
-- in vain.
select count(*), min(created_at), count(failure)
from (select created_at, failure from notices where settled_at is null limit :number) as few

-- name: last_vain_notice
-- Why the newest attempt of those that wait or were given up lately was in vain.
select failure, failed_at from (
  select failure, failed_at from (select failure, failed_at from notices
    where settled_at is null limit :number) as waiting
  union all
  select failure, failed_at from (select failure, failed_at from notices
    where outcome = 'given_up' and settled_at >= :since limit :number) as given_up) as vain
where failed_at is not null order by failed_at desc limit 1

-- name: notices_given_up
-- How many were given up lately, as far as they are counted.
select count(*) from (
  select id from notices where outcome = 'given_up' and settled_at >= :since limit :number) as few

-- name: forget_notices
-- Some that are old are gone, sent or not.
delete from notices where id in (
  select d.id from notices d where d.created_at < :before order by d.created_at, d.id limit :number)
