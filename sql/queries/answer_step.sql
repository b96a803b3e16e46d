-- Says that a held step was done, and what it gave; its run goes on. $1 run uuid; $2 the step's
-- path text; $3 what it gave, JSON text; $4 who says so, text: it is noted in the run and in the
-- journal, with the role. Returns one row with the entry's seq, or none when the step is not held,
-- or the run is to be cancelled. One statement sees the step and the last entry at once, so an
-- answer to what has changed meanwhile does not meet the fence. A suspect stays one; its deaths
-- are forgotten.
with held as (
	select l.run_id from stepwell.lease l
	where l.run_id = $1::uuid and l.state = 'suspended' and l.owner is null
		and l.request is distinct from 'cancel'
		and exists (select from stepwell.steps s
			where s.run_id = $1::uuid and s.path = $2::text and s.status = 'suspended') for update
), released as (
	update stepwell.lease l set due = clock_timestamp(), state = 'pending', reason = null,
		request = null, deaths = 0, lost_seq = case when l.losses > 0 then (select max(seq) + 1
			from stepwell.entry j where j.run_id = l.run_id) end
	from held h where l.run_id = h.run_id
	returning l.run_id
), noted as (
	update stepwell.run r set orders = stepwell.with_order(r.orders, 'answer', $4::text)
	from released l where r.id = l.run_id returning r.id, r.orders
)
insert into stepwell.entry (run_id, seq, at, kind, path, data)
select n.id, (select max(seq) + 1 from stepwell.entry j where j.run_id = n.id),
	clock_timestamp(), 'resumed', $2::text, '[{"op":"answered","path":' || to_json($2::text) || ',"by":'
		|| to_json($4::text || ' (' || session_user || ')') || ',"output":' || $3::text || '}]'
from noted n
returning seq
