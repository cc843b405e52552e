-- name: begin_ids
-- The ids that a table gives out are counted.
{begin_ids}

-- name: raise_ids
-- The next id that a table gives out is above this one.
{raise_ids}

-- name: analyze_carried
-- The planner knows how large these tables have become.
{analyze_carried}
