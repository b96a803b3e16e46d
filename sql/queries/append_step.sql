-- Appends entries of one run from a session that is not trusted. $1 run uuid; $2 seq int8[]; $3 at
-- timestamptz[]; $4 kind text[]; $5 path text[]; $6 attempt int4[]; $7 data text[]; $8 worker uuid;
-- $9 mac bytea: api/steps.sql. Whatever it names has its schema. One row without meaning.
select stepwell.append_step($1::pg_catalog.uuid, $2::pg_catalog.int8[], $3::pg_catalog.timestamptz[],
	$4::pg_catalog.text[], $5::pg_catalog.text[], $6::pg_catalog.int4[], $7::pg_catalog.text[],
	$8::pg_catalog.uuid, $9::pg_catalog.bytea)
