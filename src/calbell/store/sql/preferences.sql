-- name: preferences_of_user
-- What one user chose, and his time zone.
select u.preferences, u.time_zone from users u where u.id = :id

-- name: open_preferences
-- The same, and nobody else changes it until this transaction ends.
select u.preferences, u.time_zone from users u where u.id = :id
{lock_users}

-- name: save_preferences
-- The user chose this.
update users set preferences = :preferences where id = :id
