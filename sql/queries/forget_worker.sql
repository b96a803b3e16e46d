-- Deletes a worker that owns nothing any more, and its sessions. $1 worker uuid; $2 whether it was lost
-- boolean: then the events that it had in hand have cost a worker more (list_unrouted; but for those
-- that somebody else is routing). Returns whether it owns nothing; else it is still
-- there.
with gone as (
	delete from stepwell.worker w where w.id = $1::uuid
		and not exists (select from stepwell.lease l where l.owner = w.id)
	returning id, routes_from, routes_to
), sessions as (
	delete from stepwell.session s using gone g where s.worker_id = g.id
), tried as (
	select e.source, e.id from gone g join stepwell.event e on e.at between g.routes_from and g.routes_to
	where $2::boolean and not e.routed and e.tries < 2
	for update of e skip locked
), counted as (
	update stepwell.event e set tries = e.tries + 1 from tried t where e.source = t.source and e.id = t.id
)
select not exists (select from stepwell.lease l where l.owner = $1::uuid)
