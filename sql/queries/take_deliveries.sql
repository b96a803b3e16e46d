-- Events were taken by those who waited for them. $1 run_id uuid[]; $2 reference text[]; $3
-- source text[]; $4 id text[].
update stepwell.delivery d set done = true
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as u (run_id, reference, source, id)
where d.run_id = any ($1::uuid[]) and d.run_id = u.run_id and d.reference = u.reference and d.source = u.source and d.id = u.id
