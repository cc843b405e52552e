-- name: has_copies
-- One row if this database can say when it was copied.
{has_copies}

-- name: note_copy
-- This database is a copy, made then.
insert into copies (made_at) values (:made_at) on conflict (made_at) do nothing

-- name: known_copies
-- The copies that this database is, newest first.
select made_at, restored_at from copies order by made_at desc

-- name: begin_restoring
-- The copy serves from now on; one row for the first who says so.
insert into copies (made_at, restored_at) values (:made_at, :now)
on conflict (made_at) do update set restored_at = excluded.restored_at
where copies.restored_at is null
returning made_at

-- name: close_older
-- What was copied before needs no restoring any more.
update copies set restored_at = :now where restored_at is null

-- name: end_queued_before
-- What waited to be sent when the copy was made, the lost original has sent.
-- moves: queued -> unknown
update deliveries set state = 'unknown', reason = 'restored', settled_at = :now
where state = 'queued' and due_at <= :copied_at

-- name: end_sending
-- So it has what it was sending, whenever that had to be sent: what tries broken credentials is sent
-- long before.
-- moves: sending -> unknown
update deliveries set state = 'unknown', reason = 'restored', settled_at = :now, worker = null,
  lease_until = null
where state = 'sending'

-- name: doubt_queued
-- What was to be tried later, it may have sent.
update deliveries set possibly_sent = 1 where state = 'queued'

-- name: suppress_waiting_before
-- What was about to be said when the copy was made, it has said.
-- moves: waiting -> suppressed
update notifications set state = 'suppressed', reason = 'restored', settled_at = :now
where state = 'waiting' and due_at <= :copied_at

-- name: newest_entry
-- When something happened last, as far as this database knows.
select max(at) from (
  select max(received_at) as at from events
  union all select max(settled_at) from deliveries
  union all select max(settled_at) from notifications
) as entries
