-- The steps of a run in the order of their start. $1 run uuid. Returns rows: path, reference,
-- name, step_id, status, attempts, started, ended (microseconds since 1970 or null), output,
-- error (text), uncertain boolean (one of its attempts may have taken effect, and did not
-- complete it), reason, ended_by (text or null), goes_on boolean.
select s.path, s.reference, s.name, s.step_id, s.status, s.attempts,
	(extract(epoch from s.started_at) * 1000000)::bigint,
	(extract(epoch from s.ended_at) * 1000000)::bigint,
	s.output::text, s.error::text, s.uncertain, s.reason, s.ended_by,
	s.goes_on
from stepwell.steps s
where s.run_id = $1::uuid
order by s.place
