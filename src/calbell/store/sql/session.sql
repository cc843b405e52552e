-- name: limit_session
-- Nothing in this session lasts for ever.
{limit_session}

-- name: who_answers
-- The server's process that answers.
{who_answers}
