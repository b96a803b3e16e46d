-- Appends entries. $1 run_id uuid[]; $2 seq int8[]; $3 at timestamptz[]; $4 kind text[];
-- $5 path text[]; $6 attempt int4[]; $7 data text[]. An entry whose seq is taken fails the
-- statement, and the transaction with it (23505): that is the fence.
insert into stepwell.entry (run_id, seq, at, kind, path, attempt, data)
select * from rows from (pg_catalog.unnest($1::pg_catalog.uuid[]), pg_catalog.unnest($2::pg_catalog.int8[]),
	pg_catalog.unnest($3::pg_catalog.timestamptz[]), pg_catalog.unnest($4::pg_catalog.text[]),
	pg_catalog.unnest($5::pg_catalog.text[]), pg_catalog.unnest($6::pg_catalog.int4[]),
	pg_catalog.unnest($7::pg_catalog.text[]))
