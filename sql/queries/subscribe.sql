-- What runs wait for from now on. $1 run_id uuid[]; $2 path text[]; $3 filter int4[]; $4
-- reference text[]; $5 type text[]; $6 source text[]; $7 subject text[]; $8 shape text[]; $9
-- expected text[]. A long reference is stored by its digest: it stands in an index.
with wanted as (
	select *, stepwell.event_key(type, source, subject) as base,
		stepwell.event_key(type, source, subject, shape, expected) as key
	from unnest($1::uuid[], $2::text[], $3::int4[], $4::text[], $5::text[], $6::text[],
		$7::text[], $8::text[], $9::text[])
		as u (run_id, path, filter, reference, type, source, subject, shape, expected)
), shaped as (
	insert into stepwell.shape (base, shape)
	select distinct w.base, w.shape from wanted w
	where w.shape is not null and not exists (
		select from stepwell.shape h where h.base = w.base and h.shape = w.shape)
	order by 1, 2 on conflict do nothing
)
insert into stepwell.subscription (run_id, path, filter, reference, key, type, source, subject,
	shape)
select run_id, path, filter,
	case when octet_length(reference) > 300 then md5(reference) else reference end, key, type, source, subject, shape from wanted
