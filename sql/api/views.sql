-- PUBLIC views: stable names and types. Timestamps are timestamptz, payloads json.

create or replace view stepwell.runs as
select r.id, d.namespace, d.name, d.version,
	coalesce(r.status, l.state, 'pending') as status, r.key,
	r.input::json as input, r.output::json as output, r.error::json as error,
	r.created_at, coalesce(r.started_at, l.started_at) as started_at, r.ended_at, r.parent_run_id
from stepwell.run r
join stepwell.definition d on d.id = r.definition_id
left join stepwell.lease l on l.run_id = r.id;

-- Every task entered, control tasks too. A task without an output of its own here (a do, a
-- switch ...) ended with what its last task gave.
create or replace view stepwell.steps as
select run_id, path, stepwell.path_reference(path) as reference,
	stepwell.path_name(path) as name,
	stepwell.step_id(run_id, path, coalesce(max(generation), 0)) as step_id,
	case (array_agg(op order by seq desc, n desc))[1]
		when 'started' then 'running' when 'lost' then 'running' when 'uncertain' then 'running'
		when 'retried' then 'pending' when 'held' then 'suspended'
		else (array_agg(op order by seq desc, n desc))[1] end as status,
	coalesce(max(attempt), 1) as attempts,
	min(at) as started_at,
	case when (array_agg(op order by seq desc, n desc))[1]
		in ('completed', 'faulted', 'cancelled', 'skipped') then max(at) end as ended_at,
	(array_agg(output order by seq desc, n desc) filter (where op = 'completed'))[1] as output,
	case when (array_agg(op order by seq desc, n desc))[1] in ('faulted', 'waiting')
		then (array_agg(error order by seq desc, n desc) filter (where error is not null))[1]
		end as error
from (
	select j.run_id, j.seq, t.n, j.at, t.o ->> 'op' as op, t.o ->> 'path' as path,
		(t.o ->> 'attempt')::int as attempt, (t.o ->> 'generation')::int as generation,
		t.o -> 'output' as output, t.o -> 'error' as error
	from stepwell.journal j
	cross join lateral json_array_elements(j.data::json) with ordinality as t(o, n)
	where j.kind not in ('created', 'claimed', 'frames')
) ops
where path <> '' and op in ('started', 'completed', 'faulted', 'uncertain', 'lost', 'waiting',
	'cancelled', 'skipped', 'held', 'retried')
group by run_id, path;
