-- Ends runs. $1 id uuid[]; $2 output text; $3 started_at timestamptz[]; $4 ended_at
-- timestamptz[].
with ended as (
	select * from unnest($1::uuid[], $3::timestamptz[], $4::timestamptz[])
		as u (run_id, started_at, ended_at)
), gone as (
	delete from raw.lease l using ended e where l.run_id = e.run_id
)
update raw.run r set status = 'completed', output = $2::text, started_at = e.started_at,
	ended_at = e.ended_at
from ended e where r.id = e.run_id
