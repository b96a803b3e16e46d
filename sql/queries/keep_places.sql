-- How far listeners have read. $1 run_id uuid[]; $2 path text[]; $3 place int8[]; $4 passed int8[].
update stepwell.subscription s set place = u.place, passed = u.passed
from unnest($1::uuid[], $2::text[], $3::int8[], $4::int8[]) as u (run_id, path, place, passed)
where s.run_id = any ($1::uuid[]) and s.run_id = u.run_id and s.path = u.path
