-- Gives leases back. $1 run_id uuid[]; $2 due timestamptz[]; $3 state text[]; $4 reason
-- text[]. A request that came meanwhile makes the run due at once, and so does what woke it.
update stepwell.lease l set owner = null, state = u.state, reason = u.reason,
	woken = false,
	due = case when l.request is null and not l.woken then u.due else clock_timestamp() end
from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[]) as u (run_id, due, state, reason)
where l.run_id = u.run_id and l.run_id = any ($1::uuid[])
