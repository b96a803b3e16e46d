-- The weekly partitions that should be there: of this week and the next two. No parameters.
-- Returns rows: weeks from now int, name, exists boolean, is attached boolean.
select n, parent || '_' || suffix, t.oid is not null,
	exists (select from pg_inherits i where i.inhrelid = t.oid
		and i.inhparent = to_regclass('stepwell.' || parent))
from generate_series(0, 2) n
cross join lateral (select to_char(date_trunc('week', clock_timestamp(), 'UTC')
	at time zone 'UTC' + n * interval '7 days', 'IYYY"w"IW') as suffix) w
cross join unnest(array['run', 'entry']) parent
cross join lateral (select to_regclass('stepwell.' || parent || '_' || suffix) as oid) t
order by 1, 2 desc
