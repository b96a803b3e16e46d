-- Fails (22012) unless the journal is where the owner believes it to be: a session that has just
-- come up may be at a server that has lost entries. $1 run uuid; $2 its last seq bigint; $3 worker.
select 1 / (case when last.seq = $2::bigint and claim.data like '%"' || $3::text || '"%' then 1
	else 0 end)
from (select max(j.seq) as seq from stepwell.entry j where j.run_id = $1::uuid) last
left join lateral (select j.data from stepwell.entry j where j.run_id = $1::uuid
	and j.kind = 'claimed' order by j.seq desc limit 1) claim on true
