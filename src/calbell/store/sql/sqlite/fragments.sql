-- What SQLite says in its own way. The other half is in ../postgresql/fragments.sql.

-- name: identity
-- Ids are never used again, not even of the newest row.
integer primary key autoincrement
-- name: row_id
-- The id of the newest row is used again when that is gone: nobody may remember it beyond a
-- transaction. Counting ids costs every insert a write.
integer primary key
-- name: int
integer
-- name: bytes
blob
-- name: table_end
) strict
-- name: lock_due
-- One writer at a time: what a transaction reads stays as it is until it ends.

-- name: keep_deliveries

-- name: lock_events

-- name: lock_projects

-- name: lock_rows

-- name: lock_waiting

-- name: lock_notifications

-- name: lock_bookings

-- name: lock_users

-- name: lock_phones

-- name: notify
-- Other processes notice by pragma data_version.
select 1

-- name: commit_durably
-- Every connection sets it, and reads it back, when it is made.
select null where false

-- name: durability
-- A connection that does not sync is not made.
select 'on', 'on', 'on'

-- name: set_session
-- A file is waited for as long as each connection says.
select null where false

-- name: wait_in_snapshot
-- Nobody ends it.
select null where false

-- name: only_read
pragma query_only = 1

-- name: who_answers
select 0

-- name: lock_schema
-- A transaction that writes has locked everything.
select null where false

-- name: database_time
-- There is one process, on one machine, with one clock.
select null

-- name: has_copies
select 1 from sqlite_master where type = 'table' and name = 'copies'

-- name: has_schema
select 1 from sqlite_master where type = 'table' and name = 'schema'

-- name: begin_ids
insert into sqlite_sequence (name, seq)
select :name, 0 where not exists (select 1 from sqlite_sequence where name = :name)
-- name: raise_ids
update sqlite_sequence set seq = max(seq, :above) where name = :name
-- name: analyze_carried
-- Its plans do not hang on how large tables are.
select 1

-- name: storage
select pages.page_count * page.page_size, free.freelist_count * page.page_size
from pragma_page_count as pages, pragma_page_size as page, pragma_freelist_count as free

-- name: go_by_indexes
-- It has no statistics and joins by indexes.
select 1
