-- Events that nobody was told of, the oldest first: at most 200, and no more than $1 bytes, unless
-- one is longer. With the shapes that each is to be evaluated for. $2 own worker uuid; $3 whether it is
-- the process that routes those alone of which others died boolean: then one of them; $4 whether it has
-- routed none yet boolean. Then, and where they are not new, the row of this worker says which it has in
-- hand: if it is lost, they have cost a worker more (forget_worker), and until that is known, for some
-- seconds, nobody else routes any. Returns source, id, event (with the first shape of each only), shape
-- (null: none), base bytea as hex, whether others have some in hand; a row without source where nothing
-- is listed.
with listed as materialized (
	select t.*, sum(octet_length(t.event)) over (order by t.at, t.source, t.id) - octet_length(t.event) as before
	from (
		(select * from stepwell.event where not $3::boolean and not routed and tries < 2
			and not exists (select from stepwell.worker o where o.id <> $2::uuid and o.parent is null
				and o.routes_since > clock_timestamp() - interval '15 seconds')
			order by at limit 200)
		union all
		(select * from stepwell.event where $3::boolean and not routed and tries between 2 and 4
			order by at, source, id limit 1)
	) t
), batch as materialized (
	select * from listed where before < $1::bigint
), late as (
	select min(at) as first, max(at) as last,
		min(at) is not null and ($3::boolean or $4::boolean or min(at) < clock_timestamp() - interval '1 second') as is
	from batch
), noted as (
	update stepwell.worker w set routes_from = case when l.is then l.first end,
		routes_to = case when l.is then l.last end, routes_since = case when l.is then clock_timestamp() end
	from late l where w.id = $2::uuid and (l.is or w.routes_since is not null)
)
select e.source, e.id, case when h.shape is not null and row_number() over (
		partition by e.source, e.id order by h.base, h.shape) = 1 then e.event end,
	h.shape, encode(h.base, 'hex'), e.id is null and n.left
from (select exists (select from stepwell.event where not routed and tries < 5) as left) n
left join batch e on true
left join stepwell.shape h on e.id is not null and h.base = any (stepwell.event_keys(e.type, e.source, e.subject))
order by e.at, e.source, e.id, h.base, h.shape
