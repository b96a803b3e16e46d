-- PUBLIC views: stable names and types. Timestamps are timestamptz, payloads json.

-- reason, for people: why it waits, or was suspended.
create or replace view stepwell.runs as
select r.id, d.namespace, d.name, d.version,
	coalesce(r.status, l.state, 'pending') as status, r.key,
	r.input::json as input, r.output::json as output, r.error::json as error,
	r.created_at, coalesce(r.started_at, l.started_at) as started_at, r.ended_at, r.parent_run_id,
	l.reason
from stepwell.run r
join stepwell.definition d on d.id = r.definition_id
left join stepwell.lease l on l.run_id = r.id;

-- What the journal says, operation by operation: a part of it. PostgreSQL's json functions refuse an
-- object that has \u0000 anywhere; meanwhile it is written as two noncharacters
-- (but not where its backslash is itself escaped). What holds a task
-- and its extensions (its path ends in "!") is skipped in the name of the task.
create or replace view stepwell.operation as
select j.run_id, j.seq, t.n, j.at, x.op,
	case when x.op = 'skipped' then rtrim(x.path, '!') else x.path end as path,
	x.attempt, x.generation, x.uncertain,
	case when z.nul then replace(x.output::text, E'\\ufdd0\\ufdd1', E'\\u0000')::json else x.output end as output,
	case when z.nul then replace(x.error::text, E'\\ufdd0\\ufdd1', E'\\u0000')::json else x.error end as error,
	x.again, x.next
from stepwell.entry j
cross join lateral (select strpos(j.data, E'\\u0000') > 0 as nul offset 0) z -- once an entry
cross join lateral json_array_elements(case when z.nul
	then regexp_replace(j.data, E'(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000',
		E'\\1\\\\ufdd0\\\\ufdd1', 'g') else j.data end::json) with ordinality as t (o, n)
cross join lateral json_to_record(t.o) as x (op text, path text, attempt int, generation int,
	uncertain boolean, output json, error json, again boolean, next bigint)
where j.kind not in ('created', 'claimed', 'frames');

-- The operations of tasks, and those of the run (path ""), in places of 20 digits, which sort as
-- texts. cause: the one before it that
-- may have brought it about, as place, letter (f: a task faulted, c: one completed, e: one ended the
-- run, x: anything else) and path. Where a try goes on from a step that failed, the step waits for
-- its next attempt too.
create or replace view stepwell.placed_operation as
select o.run_id, o.seq, o.at, o.op, w.path, o.attempt, o.generation, o.uncertain, o.output, o.error,
	o.again, o.next, o.place, o.cause
from (select o.*, max(o.place || case when o.op = 'faulted' then 'f' when o.op <> 'completed' then 'x'
		when o.next = -2 then 'e' else 'c' end || o.path)
		filter (where o.op not in ('cancelled', 'lost', 'waiting', 'skipped'))
	over (partition by o.run_id order by o.place rows between unbounded preceding and 1 preceding)
		as cause
from (select p.run_id, p.seq, p.at, p.op, coalesce(p.path, '') collate "C" as path, p.attempt,
		p.generation, p.uncertain, p.output, p.error, p.again, p.next,
		lpad((p.seq * 1000000 + p.n)::text, 20, '0') collate "C" as place
	from stepwell.operation p where p.path is not null or p.op = 'retried') o) o
cross join lateral (select o.path union all select substr(o.cause, 22)
	where o.op = 'retry' and o.again is not true and substr(o.cause, 21, 1) = 'f'
		and substr(o.cause, 22) <> o.path) w;

-- A row for each task entered, and one for the run itself (path ""). endings: when something that
-- was open inside of it ended with it, or with a pass of it: place, microseconds (20 digits too),
-- letter (c: it completed, x: it was cut off) and cause without its place; of the run the last one,
-- none while it goes on. A task without an end of its own is open.
create or replace view stepwell.entered_task as
select p.run_id, p.path, p.generation, p.op, p.cause, p.attempts, p.started_at, p.last_at,
	p.first_place, p.last_place, p.uncertain, p.output, p.error,
	p.op not in ('completed', 'faulted', 'cancelled', 'skipped') as open,
	case when p.path <> '' then p.endings
		when p.op in ('completed', 'faulted', 'cancelled') then array[p.last_ending] end as endings
from (
	select o.run_id, o.path, coalesce(max(o.generation), 0) as generation,
		(array_agg(o.op order by o.place desc))[1] as op,
		(array_agg(o.cause order by o.place desc))[1] as cause,
		coalesce(max(o.attempt), 1) as attempts, min(o.at) as started_at, max(o.at) as last_at,
		min(o.place) as first_place, max(o.place) as last_place,
		coalesce(bool_or(o.op = 'lost' or o.uncertain), false) as uncertain,
		(array_agg(o.output order by o.place desc) filter (where o.op = 'completed'))[1] as output,
		(array_agg(o.error order by o.place desc) filter (where o.error is not null))[1] as error,
		array_agg(o.ending) filter (where o.ending is not null) as endings,
		max(o.ending) as last_ending
	from (
		select o.*, case when o.op in ('completed', 'cancelled', 'caught')
			or (o.op = 'retry' and o.again) or (o.op = 'faulted' and o.path = '')
			then o.place || lpad((extract(epoch from o.at) * 1000000)::bigint::text, 20, '0')
				|| case o.op when 'completed' then 'c' else 'x' end
				|| coalesce(substr(o.cause, 21), 'x') end as ending
		from stepwell.placed_operation o
	) o
	group by o.run_id, o.path
) p;

-- Of each task the first thing around it that ended while it was open: `around`, its path, and
-- `ending`, as above, null where there is none. Every task stands under its own path, an open one under those of all that is around
-- it too; so they meet without a join, whose plan would rest on estimates.
create or replace view stepwell.left_task as
select distinct on (x.run_id, x.path) x.*,
	(select min(e) from unnest(x.around_endings) e where e > x.last_place) as ending
from (
	select t.*, k.key as around, case when k.key <> t.path then max(t.endings)
		filter (where t.path = k.key) over (partition by t.run_id, k.key) end as around_endings
	from stepwell.entered_task t
	cross join lateral (
		select t.path as key
		union all
		select left(t.path, i - 1) collate "C" from generate_series(1, length(t.path)) i
		where t.open and substr(t.path, i, 1) in ('/', '[', '!')
	) k
) x
order by x.run_id, x.path, ending nulls last;

-- Whether a path is another one, or that of something around it.
create or replace function stepwell.path_holds(path text, other text) returns boolean
language sql immutable as $$
	select left(other, length(path)) = path
		and substr(other, length(path) + 1, 1) in ('', '/', '[', '!')
$$;

-- What a fork's branch belongs to, for all of its branches the same.
create or replace function stepwell.path_fork(path text) returns text
language sql immutable as $$
	select substring(path from '^(.*/fork/branches/)')
$$;

-- Every task entered, control tasks too. What was open when a timeout, another branch, a fault or
-- the end of the run passed over it is cancelled; what was around a task that failed has faulted, too.
-- reason, for people: why it is cancelled; ended_by: the path of the task that caused that, '' for
-- the run. error: how it failed; of one that is held how its last attempt did. place: the order of their start; uncertain: an attempt may have taken effect that did not
-- complete it; goes_on: it does, now or when its run is retried.
create or replace view stepwell.steps as
select t.run_id, p.path, stepwell.path_reference(p.path) as reference,
	stepwell.path_name(p.path) as name, stepwell.step_id(t.run_id, p.path, t.generation) as step_id,
	w.status, t.attempts, t.started_at,
	case when w.status in ('running', 'waiting', 'pending', 'suspended') then null
		when t.ending is null then t.last_at
		else 'epoch'::timestamptz + substr(t.ending, 21, 20)::bigint * interval '1 microsecond'
		end as ended_at,
	t.output, case when t.op in ('faulted', 'retry', 'cancelled', 'held') then t.error end as error,
	case when w.status <> 'cancelled' then null
		when w.letter = 'f' and stepwell.path_holds(w.by, t.path)
			then stepwell.path_name(w.by) || ' did not end in time'
		when w.letter = 'f' then stepwell.path_name(w.by) || ' failed'
		when w.letter = 'c' then stepwell.path_name(w.by) || ' was first'
		when r.status = 'cancelled' then 'the run was cancelled' || coalesce(' by ' ||
			(select a.o ->> 'by' from json_array_elements(r.orders::json) with ordinality a (o, n)
			where a.o ->> 'change' = 'cancel' order by a.n limit 1), '')
		when r.status = 'faulted' then coalesce(case when strpos(r.error, E'\\u0000') = 0
			then r.error::json ->> 'detail' end, 'the run faulted')
		else 'another branch ended the run' end as reason,
	case when w.status = 'cancelled' then w.by end as ended_by,
	t.first_place::bigint as place, t.uncertain,
	t.open and (t.ending is null or (t.around = '' and r.status = 'faulted')) as goes_on
from stepwell.left_task t
join stepwell.run r on r.id = t.run_id
cross join lateral (select t.path collate "default" as path) p
cross join lateral (
	select case when t.op = 'cancelled' then substr(t.cause, 21, 1) else substr(t.ending, 42, 1) end
			as letter,
		rtrim(case when t.op = 'cancelled' then substr(t.cause, 22) else substr(t.ending, 43) end, '!')
			as path
) c
cross join lateral (
	select case when not t.open then t.op
			when substr(t.ending, 41, 1) = 'c' then 'completed'
			when t.ending is not null and c.letter = 'f' and stepwell.path_holds(t.path, c.path)
				then 'faulted'
			when t.ending is not null then 'cancelled'
			when t.op in ('listening', 'received', 'collected', 'waiting', 'retry') then 'waiting'
			when t.op = 'held' then 'suspended'
			else 'running' end as status,
		case when c.letter = 'f' or (c.letter = 'c' and t.op = 'cancelled'
			and stepwell.path_fork(c.path) = left(t.path, length(stepwell.path_fork(c.path))))
			then c.letter else 'x' end as letter
) v
cross join lateral (
	select v.status, v.letter, case when v.letter = 'x' then '' else c.path end collate "default" as by
) w
where t.path <> '' and t.path not like '%!'; -- what holds a task and its extensions

-- The journal, entry by entry; data is an array of operations.
create or replace view stepwell.journal as
select run_id, seq, at, kind, path, attempt, data::json as data from stepwell.entry;
