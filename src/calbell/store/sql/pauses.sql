-- name: shorten_paces
-- A project's pace, set by a clock that has gone back since.
update projects
set free_at = case when free_at - :by < :latest then free_at - :by else :latest end
where free_at > :after

-- name: shorten_backoffs
-- The same for what Expo asked to wait for.
update projects
set backoff_until = case when backoff_until - :by < :latest then backoff_until - :by
  else :latest end
where backoff_until > :after

-- name: shorten_probes
-- The same for the next try of what is held.
update holds set probe_at = case when probe_at - :by < :latest then probe_at - :by else :latest end
where probe_at > :after

-- name: shorten_retries
-- The same for deliveries that are tried again; not for those that wait until they are stale.
update deliveries set due_at = case when due_at - :by < :latest then due_at - :by else :latest end
where state = 'queued' and due_at > :after and due_at <> expires_at

-- name: shorten_looks
-- The same for the next look for a receipt.
update attempts
set receipt_due_at = case when receipt_due_at - :by < :latest then receipt_due_at - :by
  else :latest end
where receipt_due_at > :after

-- name: shorten_notices
-- The same for notices that are tried again.
update notices set due_at = case when due_at - :by < :latest then due_at - :by else :latest end
where settled_at is null and due_at > :after

-- name: shorten_sweeps
-- The same for the next time that bookings are looked up.
update sweeps set due_at = case when due_at - :by < :latest then due_at - :by else :latest end
where due_at > :after

-- name: shorten_sweep_leases
-- The same for how long the others wait for who is at it.
update sweeps
set lease_until = case when lease_until - :by < :latest then lease_until - :by else :latest end
where lease_until > :after

-- name: say_gathered
-- News that was to wait for its like, for moments only: made in what is the future again.
update notifications set due_at = :now
where state = 'waiting' and due_at > :now and created_at > :now
  and due_at <= created_at + :moments and kind <> 'BOOKING_REMINDER'

-- name: put_off_looks
-- Looks for receipts of what this process sent come as long after it as they were to.
update attempts set receipt_due_at = receipt_due_at + :by
where receipt_due_at is not null and at between :began and :until

-- name: renew_leases
-- Who holds one is alive, or nobody knows better: it runs from now on.
update deliveries set lease_until = :until where state = 'sending'

-- name: note_step
-- The clock was set so far: a row for the first process that says so, none for the others.
insert into clock_steps (id, noticed_at, step) values (1, :now, :step)
on conflict (id) do update set noticed_at = excluded.noticed_at, step = excluded.step
where abs(clock_steps.step - excluded.step) > :alike
  or clock_steps.noticed_at not between excluded.noticed_at - :within
    and excluded.noticed_at + :within
returning id
