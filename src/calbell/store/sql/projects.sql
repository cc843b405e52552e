-- name: know_projects
-- The projects have a row each.
insert into projects (name, free_at, backoff_until)
select name, 0, 0 from rows(name text) as r where true
on conflict (name) do update set name = excluded.name
returning name, id

-- name: every_project
-- All there are.
select id from projects order by id
