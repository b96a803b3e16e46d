-- Events that nobody has been told of. No parameters. Returns one row: number, microseconds since
-- the oldest was stored (null: none), without those that are not routed any more; the number of these,
-- the source, the id and the type of one (null: none).
select u.count, u.usec, p.count, p.first[1], p.first[2], p.first[3]
from (select count(*) as count, (extract(epoch from clock_timestamp() - min(at)) * 1000000)::bigint as usec
	from stepwell.event where not routed and tries < 5) u,
	(select count(*) as count, (select array[source, id, type] from stepwell.event
		where not routed and tries >= 5 order by source, id limit 1) as first
	from stepwell.event where not routed and tries >= 5) p
