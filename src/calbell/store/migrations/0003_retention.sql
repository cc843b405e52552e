-- What is over is found in its order; phones that nobody has are found without looking at the others.
-- The columns that are null in every row of an index are there for SQLite: it has no statistics here
-- and takes an index that it can ask for one value before any other.

drop index bookings_by_end;
create index bookings_by_end on bookings(coalesce(end_at, updated_at), id);
drop index notifications_without_booking;
create index notifications_without_booking on notifications(booking_id, created_at, id)
  where booking_id is null;
drop index events_without_booking;
create index events_without_booking on events(booking_id, received_at, id)
  where booking_id is null;
create index phones_disowned on phones(owner_user_id, id) where owner_user_id is null;
