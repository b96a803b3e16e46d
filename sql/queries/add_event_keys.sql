-- Keys of kept events by shapes. $1 source text[]; $2 id text[]; $3 shape text[]; $4 expected
-- text[]: the values that its expressions gave; $5 base text[] (hex).
insert into stepwell.event_key (key, source, id, at, place)
select distinct stepwell.event_key(h.type, h.source, h.subject, u.shape, u.expected),
	e.source, e.id, e.at, e.place
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
	as u (source, id, shape, expected, base)
join stepwell.event e on e.source = u.source and e.id = u.id
cross join lateral (
	select t as type, s as source, b as subject
	from unnest(array[e.type, null]) t, unnest(array[e.source, null]) s,
		unnest(array[e.subject, null]) b
	where stepwell.event_key(t, s, b) = decode(u.base, 'hex') limit 1) h
order by 1, 2, 3
on conflict do nothing
