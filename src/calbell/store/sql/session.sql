-- name: limit_session
-- Nothing in this session lasts for ever.
{limit_session}

-- name: only_read
-- Nothing can be changed by this session any more, but for what a transaction refuses anyway.
{only_read}

-- name: who_answers
-- The server's process that answers.
{who_answers}
