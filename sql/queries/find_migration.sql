-- How far the schema is. No parameters. Returns one row: number of the last migration int,
-- digest of the functions and views text (or null).
select coalesce(max(number), 0), max(digest) filter (where number = 0) from stepwell.migration
