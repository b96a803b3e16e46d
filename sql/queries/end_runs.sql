-- Ends runs. $1 run_id uuid[]; $2 status text[]; $3 output text[]; $4 error text[];
-- $5 started_at timestamptz[]; $6 ended_at timestamptz[].
with ended as (
	select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
		$6::timestamptz[]) as u (run_id, status, output, error, started_at, ended_at)
), gone as (
	delete from stepwell.lease l using ended e where l.run_id = e.run_id
)
update stepwell.run r set status = e.status, output = e.output, error = e.error,
	started_at = e.started_at, ended_at = e.ended_at
from ended e where r.id = e.run_id
