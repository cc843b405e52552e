-- name: database_time
-- The time of the database's machine, which all processes agree on.
{database_time}
