-- A process that routes events alone has died, of the one that it had in hand: after five of such
-- deaths, those of two workers counted, it is not routed any more. $1 the process, as a worker uuid: its
-- row says that it was judged, so that a verdict that is given again counts once. Returns source, id,
-- whether it is not routed any more; no row where it was counted before.
with judged as (
	update stepwell.worker set released = true where id = $1::uuid and not released
	returning routes_from
)
update stepwell.event e set tries = e.tries + 1
from (select t.source, t.id from judged w join stepwell.event t on t.at = w.routes_from
	where not t.routed and t.tries between 2 and 4
	order by t.source, t.id limit 1) u
where e.source = u.source and e.id = u.id
returning e.source, e.id, e.tries >= 5
