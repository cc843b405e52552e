-- serves: 5
-- The clock of several processes may be set while they work: which of them mended what waits by it.
create table clock_steps (
  id {int} primary key,
  noticed_at {int} not null,
  step {int} not null
{table_end};
