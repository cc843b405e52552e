-- serves: 5
-- Bookings are looked up at their source from time to time, by one process at a time: how far that
-- is, by the source's own clock, when the next time is due, and what became of the last one.
create table sweeps (
  name text primary key,
  watermark {int},
  due_at {int} not null,
  worker text,
  lease_until {int} not null,
  finished_at {int},
  sees text,
  failure text,
  failed_at {int}
{table_end};
insert into sweeps (name, due_at, lease_until) values ('bookings', 0, 0);
