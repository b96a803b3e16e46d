-- A process that routes events alone has died, of the one that it had in hand: after five of such
-- deaths, those of two workers counted, it is not routed any more. $1 the process, as a worker uuid.
-- Returns source, id, whether it is not routed any more.
update stepwell.event e set tries = e.tries + 1
from (select t.source, t.id from stepwell.worker w join stepwell.event t on t.at = w.routes_from
	where w.id = $1::uuid and not t.routed and t.tries between 2 and 4
	order by t.source, t.id limit 1) u
where e.source = u.source and e.id = u.id
returning e.source, e.id, e.tries >= 5
