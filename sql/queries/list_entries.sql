-- The journal of a run in pages of 1000. $1 run uuid; $2 after this seq bigint. Returns rows:
-- seq, at (microseconds since 1970), kind, data.
select seq, (extract(epoch from at) * 1000000)::bigint, kind, data
from stepwell.entry
where run_id = $1::uuid and seq > $2::bigint
order by seq limit 1000
