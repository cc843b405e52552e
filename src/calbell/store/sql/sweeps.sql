-- name: claim_sweep
-- The worker may look bookings up, if it is time, or he does not mind, and nobody else does.
update sweeps set worker = :worker, lease_until = :lease_until
where name = 'bookings'
  and (due_at <= :now or :anyway = 1)
  and (worker is null or worker = :worker or lease_until <= :now)
returning watermark, sees

-- name: sweep
-- How far it is, and what became of the last time.
select watermark, due_at, finished_at, sees, failure, failed_at from sweeps where name = 'bookings'

-- name: advance_sweep
-- All that changed until then was looked up; the rest follows.
update sweeps
set watermark = coalesce(cast(:watermark as {int}), watermark), due_at = :due_at,
    failure = null, failed_at = null
where name = 'bookings' and worker = :worker

-- name: finish_sweep
-- There is nothing more to look up before the next time.
update sweeps
set finished_at = :now, due_at = :due_at, worker = null
where name = 'bookings' and worker = :worker

-- name: fail_sweep
-- It could not be looked up, and is tried again later.
update sweeps set failure = :failure, failed_at = :now, due_at = :due_at, worker = null
where name = 'bookings' and worker = :worker

-- name: leave_sight
-- How far it came with what could be seen until now is kept by the name of that.
insert into sweeps (name, watermark, due_at, lease_until)
select sees, watermark, due_at, 0 from sweeps
where name = 'bookings' and worker = :worker and sees is not null and sees <> :sees
on conflict (name) do update set watermark = excluded.watermark

-- name: change_sight
-- It goes on where it was when the same could be seen the last time.
update sweeps set sees = :sees, watermark = case when sees is null or sees = :sees then watermark
  else (select before.watermark from sweeps as before where before.name = :sees) end
where name = 'bookings' and worker = :worker
returning watermark
