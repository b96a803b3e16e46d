-- The steps of a run in the order of their start. $1 run uuid. Returns rows: path, reference,
-- name, step_id, status, attempts, started, ended (microseconds since 1970 or null), output,
-- error (text), uncertain boolean (one of its attempts may have taken effect, and did not
-- complete it).
with place as (
	select stepwell.op_path(t.o) as path, min(j.seq * 1000000 + t.n) as first,
		bool_or(stepwell.member(t.o, 'op')::text = '"lost"' or stepwell.member(t.o, 'uncertain')::text = 'true')
			as uncertain
	from stepwell.entry j
	cross join lateral json_array_elements(j.data::json) with ordinality as t(o, n)
	where j.run_id = $1::uuid and j.kind not in ('created', 'claimed', 'frames')
	group by 1
)
select s.path, s.reference, s.name, s.step_id, s.status, s.attempts,
	(extract(epoch from s.started_at) * 1000000)::bigint,
	(extract(epoch from s.ended_at) * 1000000)::bigint,
	s.output::text, s.error::text, coalesce(p.uncertain, false)
from stepwell.steps s join place p on p.path = s.path
where s.run_id = $1::uuid
order by p.first
