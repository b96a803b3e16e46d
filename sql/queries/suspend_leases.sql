-- Gives leases of suspended runs back; a request to suspend them is fulfilled. $1 run_id
-- uuid[]; $2 reason text[].
update stepwell.lease l set owner = null, state = 'suspended', reason = u.reason,
	due = case when l.request = 'cancel' then clock_timestamp() else 'infinity' end,
	request = nullif(l.request, 'suspend')
from unnest($1::uuid[], $2::text[]) as u (run_id, reason)
where l.run_id = u.run_id and l.run_id = any ($1::uuid[])
