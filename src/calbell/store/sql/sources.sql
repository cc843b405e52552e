-- name: create_source
-- A webhook at Cal.com has a path and a secret here.
insert into sources (path, secret, scope, user_id, remote_id)
values (:path, :secret, :scope, :user_id, :remote_id)
returning id

-- name: rotate_source
-- It has a new secret; the one before is good for a while.
update sources set old_secret = secret, secret = :secret, old_until = :old_until where id = :id

-- name: find_source
-- The source with this path.
select id, path, secret, old_secret, old_until, scope, user_id, remote_id, last_event_at
from sources where path = :path

-- name: listed_sources
-- All of them.
select id, path, secret, old_secret, old_until, scope, user_id, remote_id, last_event_at
from sources order by id

-- name: hear_sources
-- They sent something; a row that says nearly the same already is left alone.
update sources set last_event_at = r.at
from rows(id bigint, at bigint) as r
where sources.id = r.id
  and (sources.last_event_at is null or sources.last_event_at <= r.at - :exact)

-- name: tie_source
-- It is this webhook of Cal.com's.
update sources set remote_id = :remote_id where id = :id

-- name: drop_source
-- It never came to be at Cal.com.
delete from sources where id = :id

-- name: sources_of_scope
-- The webhooks of one scope; of a user's, his own.
select id, path, secret, old_secret, old_until, scope, user_id, remote_id, last_event_at
from sources
where scope = :scope and coalesce(user_id, 0) = coalesce(cast(:user_id as {int}), 0)
order by id
