-- Functions of Stepwell. Public: start. The others serve the engine and the views.

-- A new run id: UUIDv7 by the database's clock.
create or replace function stepwell.new_id() returns uuid
language sql volatile as $$
	select encode(set_byte(set_byte(overlay(uuid_send(gen_random_uuid())
		placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
		from 1 for 6), 6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112), 8,
		(get_byte(uuid_send(gen_random_uuid()), 8) & 63) | 128), 'hex')::uuid
$$;

-- The smallest id of an instant: the bound of a partition.
create or replace function stepwell.first_id(at timestamptz) returns uuid
language sql immutable as $$
	select (encode(substring(int8send((extract(epoch from at) * 1000)::bigint) from 3), 'hex')
		|| repeat('0', 20))::uuid
$$;

-- The stepId of a path in a run: UUIDv8 of the run's time bits and SHA-256 over run id, path
-- and generation.
create or replace function stepwell.step_id(run_id uuid, path text, generation int default 0)
returns uuid language sql immutable as $$
	select encode(set_byte(set_byte(substring(uuid_send(run_id) from 1 for 6)
		|| substring(h from 1 for 10), 6, (get_byte(h, 0) & 15) | 128), 8,
		(get_byte(h, 2) & 63) | 128), 'hex')::uuid
	from (select sha256(uuid_send(run_id) || convert_to(path, 'UTF8') || '\x00'::bytea
		|| convert_to(generation::text, 'UTF8')) as h) s
$$;

-- The task reference (JSON Pointer) of a step's path.
create or replace function stepwell.path_reference(path text) returns text
language sql immutable as $$
	select replace(replace(replace(regexp_replace(path, '(\[[0-9]+\]|#[0-9]+)', '', 'g'),
		'~2', '['), '~3', '#'), '~4', '!')
$$;

-- The last name of a path, as the definition writes it.
create or replace function stepwell.path_name(path text) returns text
language sql immutable as $$
	select replace(replace(regexp_replace(stepwell.path_reference(path), '^.*/', ''),
		'~1', '/'), '~0', '~')
$$;

-- A member of an operation as it stands. PostgreSQL's own -> and ->> refuse an object that has
-- \u0000 anywhere; meanwhile it is written as two noncharacters.
create or replace function stepwell.member(op json, name text) returns json
language sql immutable as $$
	select case when strpos(op::text, '\u0000') = 0 then op -> name
		else replace((replace(op::text, '\u0000', '\ufdd0\ufdd1')::json -> name)::text,
			'\ufdd0\ufdd1', '\u0000')::json end
$$;

-- The path that an operation is about. What holds a task and its extensions (its path ends in
-- "!") is skipped in the name of the task.
create or replace function stepwell.op_path(op json) returns text
language sql immutable as $$
	select case when stepwell.member(op, 'op') #>> '{}' = 'skipped'
		then rtrim(stepwell.member(op, 'path') #>> '{}', '!')
		else stepwell.member(op, 'path') #>> '{}' end
$$;

-- Order of semantic versions: releases after pre-releases, then by number (semver.org, 11).
create or replace function stepwell.version_order(version text) returns text
language sql immutable as $$
	select case when split_part(version, '+', 1) like '%-%' then '0' else '1' end
		|| lpad(split_part(v.core, '.', 1), 12, '0') || lpad(split_part(v.core, '.', 2), 12, '0')
		|| lpad(split_part(v.core, '.', 3), 12, '0') || ' ' || coalesce((
			select string_agg(case when p ~ '^[0-9]+$' then '0' || lpad(p, 12, '0')
				else '1' || p end, ' ' order by n)
			from unnest(string_to_array(v.pre, '.')) with ordinality as t(p, n)), '')
	from (select split_part(split_part(version, '+', 1), '-', 1) as core,
		nullif(substring(split_part(version, '+', 1) from '-(.*)$'), '') as pre) v
$$;

-- Makes the weekly partitions of the next two weeks where they are missing; as the schema's
-- owner, whoever comes first in a week.
create or replace function stepwell.make_partitions() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	week timestamptz := date_trunc('week', clock_timestamp(), 'UTC');
	suffix text;
	parent text;
begin
	for i in 0..2 loop
		suffix := to_char(week at time zone 'UTC', 'IYYY"w"IW');
		foreach parent in array array['run', 'entry'] loop
			continue when to_regclass(format('stepwell.%I', parent || '_' || suffix)) is not null;
			begin
				execute format('create table stepwell.%I (like stepwell.%I including all)',
					parent || '_' || suffix, parent);
				execute format('alter table stepwell.%I attach partition stepwell.%I'
					' for values from (%L) to (%L)', parent, parent || '_' || suffix,
					stepwell.first_id(week), stepwell.first_id(week + interval '7 days'));
			exception when duplicate_table or invalid_object_definition then
				null; -- somebody else makes the same one
			end;
		end loop;
		week := week + interval '7 days';
	end loop;
end
$$;

-- The definition named by namespace/name[:version]; no version (or latest): the highest.
create or replace function stepwell.find_definition(workflow text) returns stepwell.definition
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	parts text[] := regexp_match(workflow, '^([^/:]+)/([^/:]+)(?::(.+))?$');
	found_row stepwell.definition;
begin
	if parts is null then
		raise exception 'a workflow is named namespace/name[:version], not "%"', workflow
			using errcode = '22023';
	end if;
	select * into found_row from stepwell.definition d
	where d.namespace = parts[1] and d.name = parts[2]
		and (parts[3] is null or parts[3] = 'latest' or d.version = parts[3])
	order by stepwell.version_order(d.version) collate "C" desc, d.created_at desc limit 1;
	if not found then
		raise exception 'workflow "%" is not registered', workflow
			using errcode = 'P0002', hint = 'register it with: wfctl apply FILE';
	end if;
	return found_row;
end
$$;

-- Whether two inputs are the same: same text, else equal as jsonb where they can be cast.
create or replace function stepwell.same_input(a text, b text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	return a = b or a::jsonb = b::jsonb;
exception when others then
	return false;
end
$$;

-- Creates a run. With a key that is taken: the first run, if the input is the same, else
-- 23505. run_id is drawn by the caller (or null), so that a repeated call is safe: the same id
-- again is not created twice. owner: the run is born with that worker's lease, which then
-- claims it as its own.
create or replace function stepwell.create_run(definition_id uuid, input text, key text,
	run_id uuid, due timestamptz, owner uuid, key_ttl interval, out id uuid, out created boolean)
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
	d stepwell.definition;
	at timestamptz := clock_timestamp();
	existing record;
begin
	select * into strict d from stepwell.definition t where t.id = create_run.definition_id;
	id := coalesce(run_id, stepwell.new_id());
	created := true;
	if run_id is not null and exists (select from stepwell.run r where r.id = run_id) then
		created := false;
		return;
	end if;
	if key is not null then
		delete from stepwell.start_key k where k.namespace = d.namespace and k.name = d.name
			and k.key = create_run.key and k.expires_at <= at;
		insert into stepwell.start_key values (d.namespace, d.name, create_run.key,
			create_run.id, at + key_ttl) on conflict do nothing;
		if not found then
			select k.run_id, r.input into existing from stepwell.start_key k
				join stepwell.run r on r.id = k.run_id
				where k.namespace = d.namespace and k.name = d.name and k.key = create_run.key;
			if existing.run_id is null then
				raise exception 'a start with key "%" is in progress', key using errcode = '55P03';
			end if;
			if not stepwell.same_input(existing.input, create_run.input) then
				raise exception 'key "%" was used with another input by run %', key, existing.run_id
					using errcode = '23505', hint = 'use another key, or the same input';
			end if;
			id := existing.run_id;
			created := false;
			return;
		end if;
	end if;
	if to_regclass('stepwell.run_' || to_char(at at time zone 'UTC', 'IYYY"w"IW')) is null then
		perform stepwell.make_partitions();
	end if;
	insert into stepwell.run (id, definition_id, key, input, created_at, started_at)
		values (create_run.id, d.id, create_run.key, create_run.input, at,
			case when owner is not null then at end);
	insert into stepwell.lease (run_id, definition_id, due, owner, state, needs, started_at)
		values (create_run.id, d.id, coalesce(due, at), owner,
			case when owner is null then 'pending' else 'running' end, d.needs,
			case when owner is not null then at end);
	insert into stepwell.entry (run_id, seq, at, kind, data)
		values (create_run.id, 1, at, 'created', '[{"op":"created"}]');
end
$$;

-- The run of a task `run: workflow`: created if it is not there, and how it ended if it has.
-- Where the task is tried again after the run has faulted, the run goes on. Only the parent's
-- owner gets anything done. A refusal says why there is no run. keep: it is born with the
-- worker's lease.
create or replace function stepwell.run_child(parent uuid, path text, child uuid, workflow text,
	input text, awaited boolean, attempt int, worker uuid, keep boolean, out status text,
	out output text, out error text, out refusal text, out created boolean)
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
	found_run stepwell.run;
	d stepwell.definition;
	depth int := 1;
	above uuid := parent;
begin
	created := false;
	perform from stepwell.lease l where l.run_id = parent and l.owner = worker for share;
	if not found then
		return;
	end if;
	select * into found_run from stepwell.run r where r.id = child for update;
	if not found then
		loop
			select r.parent_run_id into above from stepwell.run r where r.id = above;
			exit when above is null;
			depth := depth + 1;
		end loop;
		if depth >= 100 then
			refusal := 'workflows run workflows 100 levels deep: no more are started';
			return;
		end if;
		begin
			d := stepwell.find_definition(workflow);
		exception when no_data_found or invalid_parameter_value then
			refusal := sqlerrm;
			return;
		end;
		perform stepwell.create_run(d.id, input, null, child, null,
			case when keep then worker end, null);
		update stepwell.run r set parent_run_id = parent, parent_path = path,
			parent_attempt = attempt, awaited = run_child.awaited where r.id = child;
		created := true;
	elsif awaited and found_run.status = 'faulted' and attempt > found_run.parent_attempt then
		insert into stepwell.lease (run_id, definition_id, due, owner, state, needs, started_at)
			select child, t.id, clock_timestamp(), case when keep then worker end, 'pending',
				t.needs, found_run.started_at
			from stepwell.definition t where t.id = found_run.definition_id;
		update stepwell.run r set status = null, error = null, output = null, ended_at = null,
			parent_attempt = attempt where r.id = child;
		insert into stepwell.entry (run_id, seq, at, kind, data)
			select child, max(j.seq) + 1, clock_timestamp(), 'retried', '[{"op":"retried"}]'
			from stepwell.entry j where j.run_id = child;
		created := true;
	else
		status := found_run.status;
		output := found_run.output;
		error := found_run.error;
	end if;
end
$$;

-- PUBLIC. Starts a run of workflow (namespace/name[:version]) inside the caller's transaction
-- and returns its id. A key makes it idempotent: the same key with an equal input returns the
-- first run, with another input fails (23505). Unknown workflow: P0002. Runs as the schema's
-- owner: callers need no right to a table.
create or replace function stepwell.start(workflow text, input json default null,
	key text default null) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
	d stepwell.definition := stepwell.find_definition(workflow);
begin
	if key = '' then
		raise exception 'a key must not be empty' using errcode = '22023';
	end if;
	return (stepwell.create_run(d.id, coalesce(input::text, 'null'), key, null, null, null,
		null)).id;
end
$$;

-- They run with their owner's rights, so nobody has them unasked.
revoke all on function stepwell.start(text, json, text), stepwell.make_partitions() from public;
