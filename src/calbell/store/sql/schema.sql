-- name: has_schema
-- One row if this database was ever migrated.
{has_schema}

-- name: applied
-- The migrations that this database has seen.
select version, checksum from schema order by version

-- name: record
-- A migration was applied.
insert into schema (version, applied_at, checksum) values (:version, :at, :checksum)
