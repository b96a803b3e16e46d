-- How far the newest run's id is ahead of the clock. No parameters. Returns one row:
-- microseconds (null without runs).
select (('x' || left(replace((select id from stepwell.run order by id desc limit 1)::text, '-', ''),
	12))::bit(48)::bigint - (extract(epoch from clock_timestamp()) * 1000)::bigint) * 1000
