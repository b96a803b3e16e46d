-- Fails (22012) unless the journal is where the owner believes it to be: a session that has just
-- come up may be at a server that has lost entries. $1 run uuid; $2 its last seq bigint; $3 worker.
select 1 operator(pg_catalog./) (case when last.seq operator(pg_catalog.=) $2::pg_catalog.int8
	and pg_catalog.strpos(claim.data, pg_catalog.concat('"', $3::pg_catalog.text, '"'))
		operator(pg_catalog.>) 0 then 1 else 0 end)
from (select pg_catalog.max(j.seq) as seq from stepwell.entry j
	where j.run_id operator(pg_catalog.=) $1::pg_catalog.uuid) last
left join lateral (select j.data from stepwell.entry j
	where j.run_id operator(pg_catalog.=) $1::pg_catalog.uuid
	and j.kind operator(pg_catalog.=) 'claimed' order by j.seq desc limit 1) claim on true
