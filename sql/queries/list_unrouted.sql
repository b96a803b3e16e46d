-- Events that nobody was told of, the oldest first: at most 200, and no more than $1 bytes, unless
-- one is longer. With the shapes that each is to be evaluated for. Returns source, id, event (with
-- the first shape of each only), shape (null: none), base bytea as hex.
select e.source, e.id, case when h.shape is not null and row_number() over (
		partition by e.source, e.id order by h.base, h.shape) = 1 then e.event end,
	h.shape, encode(h.base, 'hex')
from (select *, sum(octet_length(t.event)) over (order by t.at, t.source, t.id)
		- octet_length(t.event) as before
	from (select * from stepwell.event where not routed order by at limit 200) t) e
left join stepwell.shape h on h.base = any (stepwell.event_keys(e.type, e.source, e.subject))
where e.before < $1::bigint
order by e.at, e.source, e.id, h.base, h.shape
