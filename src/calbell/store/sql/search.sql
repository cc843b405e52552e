-- name: bookings_heard_of
-- The bookings that the newest events are about, newest first.
select b.uid, b.status, b.start_at, b.end_at, b.replaced_by_uid, max(e.id) as heard
from (select id, booking_id from events order by id desc limit :looked) as e
join bookings b on b.id = e.booking_id
group by b.id, b.uid, b.status, b.start_at, b.end_at, b.replaced_by_uid
order by heard desc limit :number

-- name: bookings_of_user
-- Bookings of which something was to be told to a user, newest first.
select b.uid, b.status, b.start_at, b.end_at, b.replaced_by_uid, max(newest.id) as told
from (select id, booking_id from notifications where user_id = :user_id
  order by id desc limit :looked) as newest
join bookings b on b.id = newest.booking_id
group by b.id, b.uid, b.status, b.start_at, b.end_at, b.replaced_by_uid
order by told desc limit :number

-- name: bookings_between
-- Bookings that begin before the end of a time, end after its start and name somebody, the last to
-- end first; of very many only so many are looked at.
select b.uid, b.status, b.start_at, b.end_at, b.replaced_by_uid, 0
from (select uid, status, start_at, end_at, replaced_by_uid, people, updated_at, id from bookings
  where coalesce(end_at, updated_at) >= :since and coalesce(end_at, updated_at) < :ends_by
    and coalesce(start_at, updated_at) < :until
  order by coalesce(end_at, updated_at) desc, id desc limit :looked) as b
where b.people like :pattern escape '\'
order by coalesce(b.end_at, b.updated_at) desc, b.id desc limit :number

-- name: users_like
-- Users whose name, username or address looks like this, by id; of very many only so many are
-- looked at.
select u.id, u.name
from (select id, name, username from users where removed_at is null
  order by id desc limit :looked) as u
where lower(u.name) like :pattern escape '\' or lower(u.username) like :pattern escape '\'
  or exists (select 1 from addresses a
    where a.user_id = u.id and a.address like :pattern escape '\')
order by u.id limit :number

-- name: users_after
-- Users, by id, above one of them.
select id, name from users where id > :after and removed_at is null order by id limit :number

-- name: phones_of_each
-- How many phones each of these users has, and how many of them can be rung.
select s.user_id, count(*), sum(case when p.dead_at is null
  and p.owner_user_id = s.user_id then 1 else 0 end)
from rows(user_id bigint) as r
join subscriptions s on s.user_id = r.user_id
join phones p on p.id = s.phone_id
group by s.user_id

-- name: keys_of_user
-- A user's keys, oldest first.
select id, user_id, role, hint, name, created_at, expires_on, revoked_at, last_used_at
from api_keys where user_id = :user_id order by id

-- name: event_by_id
-- One event with its body.
select e.id, e.public_id, e.trigger_name, e.kind, b.uid, e.state, e.reason, e.recipients, e.sent_at,
  e.received_at, e.raw
from events e left join bookings b on b.id = e.booking_id
where e.public_id = :public_id

-- name: page_of_events
-- What came in, newest first, below an id.
select e.id, e.public_id, e.trigger_name, e.state, e.reason, e.recipients, e.received_at, b.uid,
  length(e.raw)
from (select id, public_id, trigger_name, state, reason, recipients, received_at, booking_id, raw
  from events where id < :below order by id desc limit :number) as e
left join bookings b on b.id = e.booking_id
order by e.id desc

-- name: page_of_unreadable
-- What of it nobody could understand.
select e.id, e.public_id, e.trigger_name, e.state, e.reason, e.recipients, e.received_at, null,
  length(e.raw)
from events e where e.state = 'unreadable' and e.id < :below
order by e.received_at desc, e.id desc limit :number
