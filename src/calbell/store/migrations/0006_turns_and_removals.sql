-- serves: 2
-- Queued deliveries stand in a line (domain/turns.py): 0 until they are due, 1 for single pushes,
-- 2 for everything else, by its deadline. What the release before queues is in none, and gets its
-- turn by the time at which it is due. `case` is written as in sql/shared/fragments.sql.
alter table deliveries add column line {int} not null default 0;
drop index deliveries_queued;
create index deliveries_queued
  on deliveries(project_id, line, (case line when 2 then expires_at else due_at end), due_at, id)
  where state = 'queued';

-- Of reminders that are due at the same moment, those of the nearest meetings are released first.
drop index notifications_waiting;
create index notifications_waiting on notifications(due_at, expires_at, id)
  where state = 'waiting';

-- A user who is removed leaves a row with his id and nothing else, so that what is carried here
-- later, and older, does not bring him back. `details` is what is still to be found of him
-- elsewhere, and how far that is; null when it is done.
alter table users add column removed_at {int};
create table removals (
  user_id {int} primary key references users(id) on delete cascade,
  removed_at {int} not null,
  details text
{table_end};
create index removals_under_way on removals(user_id) where details is not null;
-- By the SHA-256 of addresses of users who were removed, what comes in later is kept without them.
create table removed_addresses (
  hash text primary key,
  user_id {int} not null references users(id) on delete cascade
{table_end};
create index removed_addresses_of_user on removed_addresses(user_id);
