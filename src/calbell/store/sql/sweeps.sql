-- name: claim_sweep
-- The worker may look bookings up, if it is time, or he does not mind, and nobody else does.
update sweeps set worker = :worker, lease_until = :lease_until
where name = 'bookings'
  and (due_at <= :now or :anyway = 1)
  and (worker is null or worker = :worker or lease_until <= :now)
returning watermark

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

-- name: note_sight
-- Which bookings can be looked up.
update sweeps set sees = :sees where name = 'bookings'
