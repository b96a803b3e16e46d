-- The entries of runs from their last snapshot on, of as many runs as have few bytes. $1 run_id
-- uuid[]; $2 likewise, int[]: 1 where the run's input is asked for, too; $3 bytes: the first run is
-- there whatever its size, a run whole or not at all. Returns run_id, seq, at (microseconds since
-- 1970), kind, data; in the order of $1, then by seq; an input is the row of kind 'input' and seq 0.
with wanted as (
	select w.id, w.input, w.place, coalesce((select f.seq from stepwell.entry f
		where f.run_id = w.id and f.kind = 'frames' order by f.seq desc limit 1), 1) as seq
	from unnest($1::uuid[], $2::int[]) with ordinality as w (id, input, place)
), found as (
	select w.place, w.id, j.seq, j.at, j.kind, j.data from wanted w
	join stepwell.entry j on j.run_id = w.id and j.seq >= w.seq
	union all
	select w.place, w.id, 0, r.created_at, 'input', r.input from wanted w
	join stepwell.run r on r.id = w.id where w.input = 1
), sized as (
	select *, sum(octet_length(data)) over (order by place)
		- sum(octet_length(data)) over (partition by place) as before
	from found
)
select id, seq, (extract(epoch from at) * 1000000)::bigint, kind, data
from sized where before < $3::bigint
order by place, seq
