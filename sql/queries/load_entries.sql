-- The entries of runs from their last snapshot on. $1 run_id uuid[]. Returns run_id, seq, at
-- (microseconds since 1970), kind, data; by run, then seq.
select j.run_id, j.seq, (extract(epoch from j.at) * 1000000)::bigint, j.kind, j.data
from unnest($1::uuid[]) as r (id)
cross join lateral (
	select coalesce((select seq from stepwell.entry f where f.run_id = r.id and f.kind = 'frames'
		order by seq desc limit 1), 1) as seq) s
join stepwell.entry j on j.run_id = r.id and j.seq >= s.seq
order by j.run_id, j.seq
