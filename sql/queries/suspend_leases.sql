-- Gives leases of suspended runs back; a request to suspend them is fulfilled. One that was taken
-- back before its owner knew is resumed in the same transaction. $1 run_id uuid[]; $2 reason
-- text[]; $3 int[], 1: an order asked for it, which was taken back if
-- it is not there any more.
with given as (
	update stepwell.lease l set owner = null,
		state = case when l.request is null and u.asked = 1 then 'pending' else 'suspended' end,
		reason = case when l.request is null and u.asked = 1 then null else u.reason end,
		due = case when l.request = 'cancel' or (l.request is null and u.asked = 1)
			then clock_timestamp() else 'infinity' end,
		request = nullif(l.request, 'suspend')
	from unnest($1::uuid[], $2::text[], $3::int[]) as u (run_id, reason, asked)
	where l.run_id = u.run_id and l.run_id = any ($1::uuid[])
	returning l.run_id, l.state
)
insert into stepwell.entry (run_id, seq, at, kind, data)
select g.run_id, (select max(seq) + 1 from stepwell.entry j where j.run_id = g.run_id),
	clock_timestamp(), 'resumed', '[{"op":"resumed"}]'
from given g where g.state = 'pending'
