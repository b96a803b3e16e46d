-- Single entries of one run, as many as have few bytes. $1 run_id uuid; $2 seq int8[]; $3 bytes: the
-- first is there whatever its size. Returns seq, data, by seq.
select seq, data from (
	select seq, data, sum(octet_length(data)) over (order by seq) - octet_length(data) as before
	from stepwell.entry where run_id = $1::uuid and seq = any ($2::int8[])) sized
where before < $3::bigint
order by seq
