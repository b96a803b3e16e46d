-- The weekly partitions that should be there: of this week and the next two. No parameters.
-- Returns rows: weeks from now int, name, exists boolean, is attached boolean, from when on and until
-- when ids of that week have no partition (text, UTC; null: all have theirs).
select n, parent || '_' || suffix, t.oid is not null,
	exists (select from pg_inherits i where i.inhrelid = t.oid
		and i.inhparent = to_regclass('stepwell.' || parent)),
	to_char(to_timestamp(lower_ms / 1000.0) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
	to_char(to_timestamp(upper_ms / 1000.0) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
from generate_series(0, 2) n
cross join lateral (select date_trunc('week', clock_timestamp() at time zone 'UTC')
	+ n * interval '7 days' as week) w
cross join lateral (select to_char(week, 'IYYY"w"IW') as suffix) s
cross join unnest(array['run', 'entry']) parent
cross join lateral (select to_regclass('stepwell.' || parent || '_' || suffix) as oid) t
left join lateral (select ('x' || left(replace(lower_id::text, '-', ''), 12))::bit(48)::bigint as lower_ms,
		('x' || left(replace(upper_id::text, '-', ''), 12))::bit(48)::bigint as upper_ms
	from stepwell.partition_gap(parent, week)) g on true
order by 1, 2 desc
