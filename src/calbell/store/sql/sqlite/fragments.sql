-- What SQLite says in its own way. The other half is in ../postgresql/fragments.sql.

-- name: identity
-- Ids are never used again, not even of the newest row.
integer primary key autoincrement
-- name: row_id
-- Nothing outlives the newest row by its id; counting ids costs every insert a write.
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

-- name: lock_bookings

-- name: notify
-- Other processes notice by pragma data_version.
select 1

-- name: database_time
-- There is one process, on one machine, with one clock.
select null

-- name: has_schema
select 1 from sqlite_master where type = 'table' and name = 'schema'
