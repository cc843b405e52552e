-- name: has_schema
-- One row if this database was ever migrated.
{has_schema}

-- name: applied
-- The migrations that this database has seen.
select version, checksum from schema order by version

-- name: lock_schema
-- One process migrates at a time.
{lock_schema}

-- name: promises
-- Which schema a program has to know at least, for each migration that says so.
select version, serves from schema where serves is not null

-- name: promise
-- Programs that know the schema up to there go on with these migrations.
update schema set serves = r.serves
from rows(version bigint, serves bigint) as r where schema.version = r.version

-- name: record
-- A migration was applied.
insert into schema (version, applied_at, checksum) values (:version, :at, :checksum)
