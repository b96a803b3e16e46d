-- Events that nobody was told of, the oldest first, at most 200, with the shapes that each is
-- to be evaluated for, and those of them that are new. Returns source, id, event, shape (null:
-- none), base bytea as hex.
select e.source, e.id, e.event, h.shape, encode(h.base, 'hex')
from (select * from stepwell.event t where not t.routed order by t.at limit 200) e
left join stepwell.shape h on h.base = any (stepwell.event_keys(e.type, e.source, e.subject))
