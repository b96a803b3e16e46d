-- Runs take events. $1 run_id uuid[]; $2 reference text[]; $3 place int8[]; $4 filters text[];
-- $5 floor int8[].
insert into stepwell.taken (run_id, reference, place, filters, floor)
select run_id, case when octet_length(reference) > 300 then md5(reference) else reference end, place,
	filters, floor
from unnest($1::uuid[], $2::text[], $3::int8[], $4::text[], $5::int8[])
	as u (run_id, reference, place, filters, floor)
