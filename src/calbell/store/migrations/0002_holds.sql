-- Holds keep what is known about broken credentials: when they were last met broken and good, so
-- that it does not matter in which order that is heard of. Nothing was ever kept in the old table.
drop table holds;
create table holds (
  project_id {int} not null,
  platform text not null,
  shown_by text not null,
  code text not null,
  since {int} not null,
  bad_at {int} not null,
  good_at {int},
  probe_at {int} not null,
  probes {int} not null,
  settled {int} not null,
  primary key (project_id, platform, shown_by)
{table_end};

-- Projects that have something due take turns.
alter table projects add column claimed_at {int} not null default 0;

-- A phone that Expo called gone in a wave of such answers is not believed to be, at first.
alter table phones add column suspected_at {int};
