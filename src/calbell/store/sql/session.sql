-- name: set_session
-- Nothing in this session lasts for ever, and rows are sought by their indexes.
{set_session}

-- name: wait_in_snapshot
-- What is read in this transaction may go to somebody who takes his time.
{wait_in_snapshot}

-- name: only_read
-- Nothing can be changed by this session any more, but for what a transaction refuses anyway.
{only_read}

-- name: who_answers
-- The server's process that answers.
{who_answers}
