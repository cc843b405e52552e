-- name: insert_key
-- A key exists; only its hash is kept.
insert into api_keys (user_id, role, hash, hint, name, created_at, expires_on)
values (:user_id, :role, :hash, :hint, :name, :now, :expires_on)
returning id

-- name: removed_user
-- The user, if he was removed.
select id from users where id = :id and removed_at is not null

-- name: find_key
-- Whose key has this hash.
select id, user_id, role, expires_on, revoked_at, last_used_at from api_keys where hash = :hash

-- name: touch_keys
-- The keys were used.
update api_keys set last_used_at = :now from rows(id bigint) as r where api_keys.id = r.id

-- name: revoke_key
-- The key opens nothing any more.
update api_keys set revoked_at = :now where id = :id and revoked_at is null

-- name: listed_keys
-- Keys above one of them, newest last.
select id, user_id, role, hint, name, created_at, expires_on, revoked_at, last_used_at
from api_keys where id > :after order by id limit :limit

-- name: has_operators
-- A key of any operator that was not revoked.
select id from api_keys where role is not null and revoked_at is null limit 1
