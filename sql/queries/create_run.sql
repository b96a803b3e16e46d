-- Creates a run; see stepwell.create_runs. $1 definition uuid; $2 input text; $3 key text or
-- null; $4 run uuid; $5 due timestamptz or null; $6 owner uuid or null; $7 the key's life in
-- microseconds bigint or null; $8 delay in microseconds bigint or null (then $5 is null); $9
-- whether this version was named boolean.
-- Returns one row: id uuid, created boolean.
select ids_out[1], created[1] from stepwell.create_runs($1::uuid, array[$2::text], array[$3::text],
	array[$4::uuid], coalesce($5::timestamptz,
	clock_timestamp() + $8::bigint * interval '1 microsecond'), $6::uuid,
	$7::bigint * interval '1 microsecond', $9::boolean)
