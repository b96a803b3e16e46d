-- What the journal says of the runs that are ours or that we believe to be ours. $1 worker
-- uuid; $2 run_id uuid[] in memory. Returns run_id, whether the lease names us, last seq, seq
-- of the last claimed entry and whether that entry is ours.
with mine as (
	select l.run_id from stepwell.lease l where l.owner = $1::uuid
	union select unnest($2::uuid[])
)
select m.run_id, coalesce((select l.owner = $1::uuid from stepwell.lease l
		where l.run_id = m.run_id), false),
	(select j.seq from stepwell.entry j where j.run_id = m.run_id order by j.seq desc limit 1),
	c.seq, coalesce(c.data like '%"' || $1::text || '"%', false)
from mine m left join lateral (
	select j.seq, j.data from stepwell.entry j
	where j.run_id = m.run_id and j.kind = 'claimed' order by j.seq desc limit 1) c on true
