-- Lets a suspended run go on. $1 run uuid. Returns one row with the entry's seq, or none when
-- the run is not suspended, or is to be cancelled. A suspect stays one; its deaths are forgotten.
-- $2 who asks, text: it is noted in the run, with the role.
with held as (
	select l.run_id from stepwell.lease l
	where l.run_id = $1::uuid and l.state = 'suspended' and l.owner is null
		and l.request is distinct from 'cancel' for update
), released as (
	update stepwell.lease l set due = clock_timestamp(), state = 'pending', reason = null,
		request = null, deaths = 0, lost_seq = case when l.losses > 0 then (select max(seq) + 1
			from stepwell.entry j where j.run_id = l.run_id) end
	from held h where l.run_id = h.run_id
	returning l.run_id
), noted as (
	update stepwell.run r set orders = stepwell.with_order(r.orders, 'resume', $2::text)
	from released l where r.id = l.run_id
)
insert into stepwell.entry (run_id, seq, at, kind, data)
select r.run_id, (select max(seq) + 1 from stepwell.entry j where j.run_id = r.run_id),
	clock_timestamp(), 'resumed', '[{"op":"resumed"}]'
from released r
returning seq
