-- name: unsettled_holds
-- Holds that stand, and those that were lifted while something still waits for them. Who keeps
-- something back for a hold has it locked: nobody finds meanwhile that nothing waits any more.
select project_id, platform, shown_by, code, since, bad_at, good_at, probe_at, probes
from holds where settled = 0 order by project_id, platform, shown_by
{lock_rows}

-- name: standing_holds
-- What is held now, for those who watch.
select h.project_id, p.name, h.platform, h.code, h.since from holds h
left join projects p on p.id = h.project_id
where h.settled = 0 and (h.good_at is null or h.bad_at >= h.good_at)
order by h.since, h.project_id, h.platform

-- name: note_broken
-- An attempt made at `bad_at` met broken credentials. Those known to be good since are good.
insert into holds (project_id, platform, shown_by, code, since, bad_at, good_at, probe_at, probes,
  settled)
select project_id, platform, shown_by, code, :now, bad_at, null, probe_at, 0, 0
from rows(project_id bigint, platform text, shown_by text, code text, bad_at bigint,
  probe_at bigint) as r where true
on conflict (project_id, platform, shown_by) do update set
  code = excluded.code, bad_at = excluded.bad_at,
  since = case when holds.bad_at < holds.good_at then excluded.since else holds.since end,
  probes = case when holds.bad_at < holds.good_at then 0 else holds.probes end,
  probe_at = case when holds.bad_at < holds.good_at then excluded.probe_at
    else holds.probe_at end,
  settled = 0
where excluded.bad_at > holds.bad_at
  and (holds.good_at is null or excluded.bad_at >= holds.good_at)
returning project_id, platform, shown_by, since

-- name: note_good
-- An attempt made at `good_at` met good credentials.
update holds set good_at = r.good_at
from rows(project_id bigint, platform text, shown_by text, good_at bigint) as r
where holds.project_id in (r.project_id, 0) and holds.platform in (r.platform, '')
  and holds.shown_by = r.shown_by and holds.settled = 0
  and (holds.good_at is null or holds.good_at < r.good_at)

-- name: probe_hold
-- One delivery tries the credentials now; nobody else does before then.
update holds set probe_at = :next_at, probes = :probes
where project_id = :project_id and platform = :platform and shown_by = :shown_by
  and probe_at = :probe_at and settled = 0

-- name: probe_again
-- The last try showed nothing.
update holds set probe_at = :now
from rows(project_id bigint, platform text) as r
where holds.project_id in (r.project_id, 0) and holds.platform in (r.platform, '')
  and holds.settled = 0 and holds.probe_at > :now

-- name: settle_hold
-- Nothing waits for it any more.
update holds set settled = 1
where project_id = :project_id and platform = :platform and shown_by = :shown_by and bad_at < good_at

-- name: next_probe
-- When the next delivery may try held credentials: where one waits, and no wider hold stands.
select min(h.probe_at) from holds h
where h.settled = 0 and (h.good_at is null or h.bad_at >= h.good_at)
  and not exists (select 1 from holds w
    where w.settled = 0 and (w.good_at is null or w.bad_at >= w.good_at)
      and (w.project_id = 0 and h.project_id <> 0
        or w.project_id = h.project_id and w.platform = '' and h.platform <> ''))
  and exists (
    select 1 from projects p
    join deliveries d on d.project_id = p.id and d.state = 'queued'
    where (h.project_id = 0 or p.id = h.project_id)
      and (h.platform = '' or d.platform = h.platform))
