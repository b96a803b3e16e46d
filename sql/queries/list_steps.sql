-- The steps of a run in the order of their start. $1 run uuid. Returns rows: path, reference,
-- name, step_id, status, attempts, started, ended (microseconds since 1970 or null), output,
-- error (text), uncertain boolean (one of its attempts may have taken effect, and did not
-- complete it).
with place as (
	select path, min(seq * 1000000 + n) as first, bool_or(op = 'lost' or uncertain) as uncertain
	from stepwell.operation where run_id = $1::uuid group by path
)
select s.path, s.reference, s.name, s.step_id, s.status, s.attempts,
	(extract(epoch from s.started_at) * 1000000)::bigint,
	(extract(epoch from s.ended_at) * 1000000)::bigint,
	s.output::text, s.error::text, coalesce(p.uncertain, false)
from stepwell.steps s join place p on p.path = s.path
where s.run_id = $1::uuid
order by p.first
