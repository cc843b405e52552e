-- name: commit_durably
-- A role or database that does without does not mean us: nothing is answered before it is on disk.
{commit_durably}

-- name: durability
-- What the server promises about commits: is what is flushed really on disk, and is it flushed.
{durability}
