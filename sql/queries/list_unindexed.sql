-- Kept events without the keys of new shapes that the runs $1 uuid[] wait by. Returns source,
-- id, event, shape, base bytea as hex.
select e.source, e.id, e.event, h.shape, encode(h.base, 'hex')
from (select distinct on (h.base, h.shape) h.base, h.shape, s.type, s.source, s.subject
	from stepwell.subscription s
	join stepwell.shape h on h.shape = s.shape
		and h.base = stepwell.event_key(s.type, s.source, s.subject)
	where s.run_id = any ($1::uuid[]) and not s.looked and not h.indexed) h
join stepwell.event e on (h.type is null or e.type = h.type)
	and (h.source is null or e.source = h.source) and (h.subject is null or e.subject = h.subject)
