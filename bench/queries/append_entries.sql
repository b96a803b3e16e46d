-- Entries. $1 run_id uuid[]; $2 seq int8[]; $3 at timestamptz[]; $4 kind text[]; $5 path
-- text[]; $6 attempt int4[]; $7 data text[].
insert into raw.entry (run_id, seq, at, kind, path, attempt, data)
select * from unnest($1::uuid[], $2::int8[], $3::timestamptz[], $4::text[], $5::text[],
	$6::int4[], $7::text[])
