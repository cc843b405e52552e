-- name: page_to_come
-- Bookings that are not over, in the order of their rows, above one of them.
select b.uid, b.id, b.status, b.title, b.start_at, b.end_at, b.place, b.people, b.seats, b.observed,
  b.replaced_by_uid, b.version, b.updated_at
from bookings b
where b.id > :after and coalesce(b.end_at, b.updated_at) > :now
order by b.id limit :number

-- name: count_to_come
-- How many bookings are not over.
select count(*) from bookings where coalesce(end_at, updated_at) > :now

-- name: known_bookings
-- Those of these bookings that are known; nobody else changes them until the transaction ends.
select b.uid, b.id, b.status, b.title, b.start_at, b.end_at, b.place, b.people, b.seats, b.observed,
  b.replaced_by_uid, b.version, b.updated_at
from rows(uid text) as r join bookings b on b.uid = r.uid
order by b.uid
{lock_bookings}

-- name: insert_bookings
-- They are new here.
insert into bookings (uid, status, title, start_at, end_at, place, people, seats, observed,
  replaced_by_uid, version, updated_at)
select uid, status, title, start_at, end_at, place, people, seats, observed,
  replaced_by_uid, version, updated_at
from rows(uid text, status text, title text, start_at bigint, end_at bigint, place text,
  people text, seats bigint, observed text, replaced_by_uid text, version bigint,
  updated_at bigint) as r where true

-- name: replace_bookings
-- They are as given.
update bookings set
  status = r.status, title = r.title, start_at = r.start_at, end_at = r.end_at, place = r.place,
  people = r.people, seats = r.seats, observed = r.observed,
  replaced_by_uid = r.replaced_by_uid, version = r.version, updated_at = r.updated_at
from rows(uid text, status text, title text, start_at bigint, end_at bigint, place text,
  people text, seats bigint, observed text, replaced_by_uid text, version bigint,
  updated_at bigint) as r
where bookings.uid = r.uid

-- name: bookings_naming
-- All bookings that name somebody, oldest first.
select b.uid, b.id, b.status, b.title, b.start_at, b.end_at, b.place, b.people, b.seats, b.observed,
  b.replaced_by_uid, b.version, b.updated_at
from rows(pattern text) as r
join bookings b on b.people like r.pattern escape '\'
order by b.id
