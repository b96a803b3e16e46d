-- Kept events without their keys of a new shape that the runs $1 uuid[] wait by, of one such shape, no
-- more than $2 bytes, unless one is longer. Returns source, id, event, shape, base bytea as hex,
-- place, whether there are more; a row without an event where none is left; no row where there is
-- no such shape. Those of which workers died are not listed: until a process of its own has routed
-- them, or nobody is to, there are more.
with shapes as materialized (
	select h.base, h.shape, h.place from stepwell.shape h where not h.indexed
), fresh as (
	select h.base, h.shape, h.place, s.type, s.source, s.subject
	from shapes h join stepwell.subscription s on s.shape = h.shape
		and s.run_id = any ($1::uuid[]) and h.base = stepwell.event_key(s.type, s.source, s.subject)
	order by h.base, h.shape limit 1
), kept as (
	(select e.source, e.id, e.event, e.place from fresh f join stepwell.event e on e.place > f.place
		where (f.type is null or e.type = f.type) and (f.source is null or e.source = f.source)
			and (f.subject is null or e.subject = f.subject) order by e.place limit 1000)
	union all
	(select e.source, e.id, e.event, e.place from fresh f join stepwell.event e on e.place is null
		where not e.routed and e.tries < 2 and (f.type is null or e.type = f.type)
			and (f.source is null or e.source = f.source)
			and (f.subject is null or e.subject = f.subject) limit 1000)
), page as (
	select *, sum(octet_length(event)) over (order by place, source, id) - octet_length(event) as before,
		row_number() over (order by place, source, id) as n, count(*) over () as count,
		count(place) over () as placed
	from kept
)
select p.source, p.id, p.event, f.shape, encode(f.base, 'hex'), p.place,
	coalesce(p.placed = 1000 or p.count - p.placed = 1000
		or p.count > count(*) over (), false)
		or exists (select from stepwell.event e where not e.routed and e.tries > 1 and e.tries < 5
			and (f.type is null or e.type = f.type) and (f.source is null or e.source = f.source)
			and (f.subject is null or e.subject = f.subject))
from fresh f left join page p on p.before < $2::bigint and (p.placed < 1000 or p.place is not null)
order by p.place, p.source, p.id
