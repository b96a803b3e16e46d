-- Children that have ended and whose parents were not told. $1 run_id uuid[] of the parents.
-- Returns parent, child, path of the task that started it.
select r.untold, r.id, r.parent_path from stepwell.run r
where r.untold = any ($1::uuid[]) and r.status is not null
