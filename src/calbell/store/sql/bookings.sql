-- name: open_bookings
-- The bookings exist and stay as they are until this transaction ends; known by uid alone at first.
insert into bookings (uid, title, people, observed, version, updated_at)
select uid, '', '{}', '{}', 0, at
from rows(uid text, at bigint) as r where true
on conflict (uid) do update set uid = excluded.uid
returning uid, id, status, title, start_at, end_at, place, people, seats, observed,
  replaced_by_uid, version

-- name: save_bookings
-- The bookings are as folded.
update bookings set
  status = r.status, title = r.title, start_at = r.start_at, end_at = r.end_at, place = r.place,
  people = r.people, seats = r.seats, observed = r.observed,
  replaced_by_uid = r.replaced_by_uid, version = r.version, updated_at = :now
from rows(id bigint, status text, title text, start_at bigint, end_at bigint, place text,
  people text, seats bigint, observed text, replaced_by_uid text, version bigint) as r
where bookings.id = r.id

-- name: bookings_by_id
-- The bookings as they stand.
select b.uid, b.id, b.status, b.title, b.start_at, b.end_at, b.place, b.people, b.seats,
  b.observed, b.replaced_by_uid, b.version
from rows(id bigint) as r join bookings b on b.id = r.id

-- name: booking_by_uid
-- One booking as it stands.
select uid, id, status, title, start_at, end_at, place, people, seats, observed,
  replaced_by_uid, version
from bookings where uid = :uid

-- name: upcoming_bookings
-- Bookings that are not over and name somebody.
select b.uid, b.id, b.status, b.title, b.start_at, b.end_at, b.place, b.people, b.seats, b.observed,
  b.replaced_by_uid, b.version
from rows(pattern text) as r
join bookings b on b.people like r.pattern escape '\'
where coalesce(b.end_at, b.updated_at) > :now
order by b.uid
{lock_bookings}

-- name: bookings_by_uid
-- The bookings with these uids as they stand.
select b.uid, b.id, b.status, b.title, b.start_at, b.end_at, b.place, b.people, b.seats,
  b.observed, b.replaced_by_uid, b.version
from rows(uid text) as r join bookings b on b.uid = r.uid
