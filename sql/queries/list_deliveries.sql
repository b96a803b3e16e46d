-- What is on its way to runs, the oldest first, at most 100 for each. $1 run_id uuid[].
-- Returns run_id, path, reference, source, id, event.
select u.run_id, d.path, d.reference, d.source, d.id, e.event
from unnest($1::uuid[]) as u (run_id)
cross join lateral (select * from stepwell.delivery t
	where t.run_id = u.run_id and not t.done order by t.at, t.source, t.id limit 100) d
join stepwell.event e on e.source = d.source and e.id = d.id
order by u.run_id, d.at, d.source, d.id
