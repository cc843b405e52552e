-- name: preferences_of_user
-- What one user chose, and his time zone.
select u.preferences, u.time_zone from users u where u.id = :id and u.removed_at is null

-- name: preferences_by_user
-- The same of several users; also of those who were removed, who chose nothing.
select u.id, u.preferences, u.time_zone from rows(id bigint) as r join users u on u.id = r.id

-- name: open_preferences
-- The same of one, and nobody else changes it until this transaction ends.
select u.preferences, u.time_zone from users u where u.id = :id and u.removed_at is null
{lock_users}

-- name: anybody_chose
-- A user who chose something.
select id from users where preferences is not null limit 1

-- name: save_preferences
-- The user chose this.
update users set preferences = :preferences, changed_at = :now where id = :id
