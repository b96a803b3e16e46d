-- Events that nobody has been told of. No parameters. Returns one row: number, microseconds since
-- the oldest was stored (null: none), without those that are not routed any more; the number of these,
-- the source and the id of one (null: none).
select u.count, u.usec, p.count, p.source, p.id
from (select count(*) as count, (extract(epoch from clock_timestamp() - min(at)) * 1000000)::bigint as usec
	from stepwell.event where not routed and tries < 5) u,
	(select count(*) as count, min(source) as source, (array_agg(id order by source, id))[1] as id
	from stepwell.event where not routed and tries >= 5) p
