-- PUBLIC views: stable names and types. Timestamps are timestamptz, payloads json.

create or replace view stepwell.runs as
select r.id, d.namespace, d.name, d.version,
	coalesce(r.status, l.state, 'pending') as status, r.key,
	r.input::json as input, r.output::json as output, r.error::json as error,
	r.created_at, coalesce(r.started_at, l.started_at) as started_at, r.ended_at, r.parent_run_id
from stepwell.run r
join stepwell.definition d on d.id = r.definition_id
left join stepwell.lease l on l.run_id = r.id;

-- What the journal says, operation by operation: a part of it. PostgreSQL's json functions refuse an
-- object that has \u0000 anywhere; meanwhile it is written as two noncharacters. What holds a task
-- and its extensions (its path ends in "!") is skipped in the name of the task.
create or replace view stepwell.operation as
select j.run_id, j.seq, t.n, j.at, x.op,
	case when x.op = 'skipped' then rtrim(x.path, '!') else x.path end as path,
	x.attempt, x.generation, x.uncertain,
	case when z.nul then replace(x.output::text, E'\\ufdd0\\ufdd1', E'\\u0000')::json else x.output end as output,
	case when z.nul then replace(x.error::text, E'\\ufdd0\\ufdd1', E'\\u0000')::json else x.error end as error
from stepwell.entry j
cross join lateral (select strpos(j.data, E'\\u0000') > 0 as nul) z
cross join lateral json_array_elements(case when z.nul
	then replace(j.data, E'\\u0000', E'\\ufdd0\\ufdd1') else j.data end::json) with ordinality as t (o, n)
cross join lateral json_to_record(t.o) as x (op text, path text, attempt int, generation int,
	uncertain boolean, output json, error json)
where j.kind not in ('created', 'claimed', 'frames');

-- Every task entered, control tasks too. A task without an output of its own here (a do, a
-- switch ...) ended with what its last task gave. What was open when the run ended, ended as
-- the run did.
create or replace view stepwell.steps as
select s.run_id, path, stepwell.path_reference(path) as reference,
	stepwell.path_name(path) as name, stepwell.step_id(s.run_id, path, generation) as step_id,
	case when r.status is not null and word in ('running', 'waiting', 'pending') then r.status
		else word end as status,
	attempts, s.started_at,
	case when word in ('completed', 'faulted', 'cancelled', 'skipped') then last_at
		else r.ended_at end as ended_at,
	s.output, case when word in ('faulted', 'waiting') then s.error end as error
from (
	select run_id, path, coalesce(max(generation), 0) as generation,
		case (array_agg(op order by seq desc, n desc))[1]
			when 'listening' then 'waiting' when 'received' then 'waiting'
			when 'collected' then 'waiting'
			when 'started' then 'running' when 'lost' then 'running' when 'iteration' then 'running'
			when 'opened' then 'running'
			when 'retry' then 'waiting' when 'caught' then 'running' when 'held' then 'suspended'
			else (array_agg(op order by seq desc, n desc))[1] end as word,
		coalesce(max(attempt), 1) as attempts, min(at) as started_at, max(at) as last_at,
		(array_agg(output order by seq desc, n desc) filter (where op = 'completed'))[1] as output,
		(array_agg(error order by seq desc, n desc) filter (where error is not null))[1] as error
	from stepwell.operation
	where path <> '' and path not like '%!' -- what holds a task and its extensions
	group by run_id, path
) s
join stepwell.run r on r.id = s.run_id;

-- The journal, entry by entry; data is an array of operations.
create or replace view stepwell.journal as
select run_id, seq, at, kind, path, attempt, data::json as data from stepwell.entry;
