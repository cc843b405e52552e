-- name: write_proof
-- Whether anything can be written is seen by writing; a table that nothing refers to serves for it.
-- The row is gone before anybody else can see it.
insert into refusals (id, at, reason, size) values (0, 0, :filler, 0)

-- name: erase_proof
-- What proved that it can be written is gone.
delete from refusals where id = 0
