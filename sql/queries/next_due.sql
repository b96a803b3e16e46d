-- When the next unowned run that this worker can run is due, and whether anything is going on
-- that concerns it. $1 what the worker has text[]. Returns microseconds from now (null: none,
-- or never) and the number of runs, at most 2, that are owned by anybody, or due for it, or
-- events that nobody was told of.
select (select (extract(epoch from l.due - clock_timestamp()) * 1000000)::bigint
		from stepwell.lease l where l.owner is null and l.due < 'infinity' and l.needs <@ $1::text[]
		order by l.due limit 1),
	(select count(*) from (select from stepwell.lease l where l.owner is not null
		union all select from stepwell.lease l where l.owner is null and l.due <= clock_timestamp()
		and l.needs <@ $1::text[]
		union all select from stepwell.event e where not e.routed limit 2) busy)
