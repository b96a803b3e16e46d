-- Ends runs, and wakes those that wait for them: due at once where nobody owns them, else when
-- they are released. Their parents are to be told (so says a trigger, too, which not every role's sessions
-- fire: it is for workers of the version before). $1 run_id uuid[]; $2 status text[]; $3 output text[]; $4 error text[];
-- $5 started_at timestamptz[]; $6 ended_at timestamptz[].
with ended as (
	select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
		$6::timestamptz[]) as u (run_id, status, output, error, started_at, ended_at)
), gone as (
	delete from stepwell.lease l where l.run_id = any ($1::uuid[])
), woken as (
	update stepwell.lease l set woken = true, due = case when l.owner is null
		and l.state <> 'suspended' then clock_timestamp() else l.due end
	where l.run_id = any (array(select c.parent_run_id from ended e
			join stepwell.run c on c.id = e.run_id where c.awaited))
		and l.run_id not in (select run_id from ended)
)
update stepwell.run r set status = e.status, output = e.output, error = e.error,
	started_at = e.started_at, ended_at = e.ended_at,
	untold = case when r.awaited then r.parent_run_id end
from ended e where r.id = e.run_id
