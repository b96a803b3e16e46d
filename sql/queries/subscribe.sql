-- What runs wait for from now on. $1 run_id uuid[]; $2 path text[]; $3 reference text[]; $4 type
-- text[]; $5 source text[]; $6 subject text[]; $7 shape text[]; $8 expected text[]; $9 filters text[]:
-- a digest of what they see. A long reference is stored by its digest: it stands in an index. A pass whose filters see what the last one's saw goes on where that
-- one had decided on everything; any other begins with the oldest event.
with wanted as (
	select *, stepwell.event_key(type, source, subject) as base,
		stepwell.event_key(type, source, subject, shape, expected) as key,
		case when octet_length(reference) > 300 then md5(reference) else reference end as task
	from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
		$7::text[], $8::text[], $9::text[])
		as u (run_id, path, reference, type, source, subject, shape, expected, filters)
), shaped as (
	insert into stepwell.shape (base, shape)
	select distinct w.base, w.shape from wanted w
	where w.shape is not null and not exists (
		select from stepwell.shape h where h.base = w.base and h.shape = w.shape)
	order by 1, 2 on conflict do nothing
)
insert into stepwell.subscription (run_id, path, reference, key, type, source, subject,
	shape, place)
select run_id, path, task, key, type, source, subject, shape,
	coalesce((select case when t.filters = w.filters then t.floor end from stepwell.taken t
		where t.run_id = w.run_id and t.reference = w.task order by t.place desc limit 1), 0)
from wanted w
