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
