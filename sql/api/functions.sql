-- Functions of Stepwell. Public: start. The others serve the engine and the views.

-- A new run id: UUIDv7 by the database's clock. (A random UUID has version 4 in byte 6: two bits
-- make it a 7.)
create or replace function stepwell.new_id() returns uuid
language sql volatile as $$
	select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
		placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
		from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
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
	from (select sha256(uuid_send(run_id) || convert_to(path, 'UTF8') || decode('00', 'hex')
		|| convert_to(generation::text, 'UTF8')) as h) s
$$;

-- The task reference (JSON Pointer) of a step's path.
create or replace function stepwell.path_reference(path text) returns text
language sql immutable as $$
	select replace(replace(replace(regexp_replace(path, '([[][0-9]+[]]|#[0-9]+)', '', 'g'),
		'~2', '['), '~3', '#'), '~4', '!')
$$;

-- The last name of a path, as the definition writes it.
create or replace function stepwell.path_name(path text) returns text
language sql immutable as $$
	select replace(replace(replace(replace(replace(
		split_part(split_part(split_part(path, '/', -1), '#', 1), '[', 1),
		'~2', '['), '~3', '#'), '~4', '!'), '~1', '/'), '~0', '~')
$$;

-- A member of an operation as it stands. PostgreSQL's own -> and ->> refuse an object that has
-- \u0000 anywhere; meanwhile it is written as two noncharacters
-- (but not where its backslash is itself escaped).
create or replace function stepwell.member(op json, name text) returns json
language sql immutable as $$
	select case when strpos(op::text, E'\\u0000') = 0 then op -> name
		else replace((regexp_replace(op::text, E'(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000',
		E'\\1\\\\ufdd0\\\\ufdd1', 'g')::json -> name)::text,
			E'\\ufdd0\\ufdd1', E'\\u0000')::json end
$$;

-- The partitions of a table and the ids they hold: from lower_id to before upper_id.
create or replace function stepwell.partition_bounds(parent text)
returns table (name text, lower_id uuid, upper_id uuid)
language sql stable set search_path = pg_catalog, pg_temp as $$
	select p.name,
		coalesce(substring(p.bounds from 'FROM [(]''([0-9a-f-]{36})'), repeat('0', 32))::uuid,
		coalesce(substring(p.bounds from 'TO [(]''([0-9a-f-]{36})'), repeat('f', 32))::uuid
	from (select c.relname::text as name, pg_get_expr(c.relpartbound, c.oid) as bounds
		from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = to_regclass('stepwell.' || parent)) p
	where p.bounds like 'FOR VALUES %'
$$;

-- The first ids of a week (its Monday, UTC) that no partition of a table holds; no row where each has
-- its partition.
create or replace function stepwell.partition_gap(parent text, week timestamp)
returns table (lower_id uuid, upper_id uuid)
language sql stable set search_path = pg_catalog, pg_temp as $$
	with ids as (
		select stepwell.first_id(week at time zone 'UTC') as first,
			stepwell.first_id((week + interval '7 days') at time zone 'UTC') as past
	), bounds as (
		select p.lower_id, p.upper_id from stepwell.partition_bounds(parent) p
	), place as (
		select i.first as id from ids i
		union all
		select b.upper_id from ids i, bounds b where b.upper_id > i.first and b.upper_id < i.past
	)
	select p.id, coalesce((select b.lower_id from bounds b where b.lower_id > p.id and b.lower_id < i.past
		order by b.lower_id limit 1), i.past)
	from ids i, place p
	where not exists (select from bounds b where b.lower_id <= p.id and b.upper_id > p.id)
	order by p.id limit 1
$$;

-- Makes the partitions of a table for the ids of a week that have none: the week's, or what partitions
-- with other bounds have left over. Nothing where a table of the week's name is not attached: it may be
-- on its way back.
create or replace function stepwell.make_partition(parent text, week timestamp) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
	base text := parent || to_char(week, '"_"IYYY"w"IW');
	name text := base;
	number int := 0;
	gap record;
begin
	if to_regclass('stepwell.' || base) is not null
			and not exists (select from stepwell.partition_bounds(parent) p where p.name = base) then
		return;
	end if;
	loop
		select * into gap from stepwell.partition_gap(parent, week);
		exit when not found;
		while to_regclass('stepwell.' || name) is not null loop
			number := number + 1;
			name := base || '_' || number;
		end loop;
		execute format('create table stepwell.%I (like stepwell.%I including all) with (fillfactor = %s)', name,
			parent, case parent when 'run' then 50 else 100 end);
		execute format('alter table stepwell.%I attach partition stepwell.%I for values from (%L) to (%L)',
			parent, name, gap.lower_id, gap.upper_id);
	end loop;
end
$$;

-- The orders of a run with one more: what was ordered, by whom, and under which role.
create or replace function stepwell.with_order(orders text, change text, who text) returns text
language sql volatile as $$
	select coalesce(left(orders, -1) || ',', '[') || json_build_object('at',
		to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'change', change, 'by', who || ' (' || session_user || ')') || ']'
$$;

-- Makes the weekly partitions of this week and the next two where they are missing; as the schema's
-- owner, whoever comes first in a week. Who comes second waits until the first has committed: for a
-- lock that only those can take who may write the list of migrations.
create or replace function stepwell.make_partitions() returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set default_tablespace = '' set default_table_access_method = 'heap' as $$
declare
	week timestamp := date_trunc('week', clock_timestamp() at time zone 'UTC');
	gaps bigint;
begin
	select count(*) into gaps from generate_series(0, 2) i
		cross join unnest(array['run', 'entry']) parent
		cross join lateral stepwell.partition_gap(parent, week + i * interval '7 days');
	if gaps > 0 then
		lock table stepwell.migration in share row exclusive mode;
		for i in 0..2 loop
			perform stepwell.make_partition('run', week + i * interval '7 days');
			perform stepwell.make_partition('entry', week + i * interval '7 days');
		end loop;
	end if;
end
$$;

-- The definition named by namespace/name[:version]; no version (or latest): the highest.
create or replace function stepwell.find_definition_id(workflow text) returns uuid
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
	parts text[] := regexp_match(workflow, '^([^/:]+)/([^/:]+)(?::(.+))?$');
	id uuid;
	others text;
begin
	if parts is null then
		raise exception 'a workflow is named namespace/name[:version], not "%"', workflow
			using errcode = '22023';
	end if;
	if parts[3] is null or parts[3] = 'latest' then
		select d.id into id from stepwell.definition d
		where d.namespace = parts[1] and d.name = parts[2]
		order by d.version_order desc, d.created_at desc limit 1;
	else
		select d.id into id from stepwell.definition d
		where d.namespace = parts[1] and d.name = parts[2] and d.version = parts[3];
	end if;
	if id is null then
		select string_agg(v.version, ', ' order by v.version_order desc) into others from (
			select d.version, d.version_order from stepwell.definition d
			where d.namespace = parts[1] and d.name = parts[2]
			order by d.version_order desc, d.created_at desc limit 5) v;
		raise exception 'workflow "%" is not registered', workflow using errcode = 'P0002',
			hint = coalesce('the newest versions that are: ' || others, 'register it with: wfctl apply FILE');
	end if;
	return id;
end
$$;

-- Whether a workflow's name says which version.
create or replace function stepwell.names_version(workflow text) returns boolean
language sql immutable as $$ select split_part(workflow, ':', 2) not in ('', 'latest') $$;

-- Whether two inputs are the same: same text, else equal as jsonb where they can be cast.
create or replace function stepwell.same_input(a text, b text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	return a = b or a::jsonb = b::jsonb;
exception when others then
	return false;
end
$$;

-- What a key stands for: the first run, if the input is the same, and its definition is the one that
-- was named (null: none was).
create or replace function stepwell.run_of_key(namespace text, name text, key text, input text,
	named uuid) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
	existing record;
begin
	select k.run_id, r.input, r.definition_id, t.version into existing
	from stepwell.start_key k join stepwell.run r on r.id = k.run_id
		join stepwell.definition t on t.id = r.definition_id
	where k.namespace = run_of_key.namespace and k.name = run_of_key.name
		and k.key = run_of_key.key;
	if existing.run_id is null then
		raise exception 'a start with key "%" is in progress', key using errcode = '55P03';
	end if;
	if existing.definition_id <> named then
		raise exception 'key "%" was used with version % by run %', key, existing.version, existing.run_id
			using errcode = '23505', hint = 'use another key, or name that version or none';
	end if;
	if not stepwell.same_input(existing.input, run_of_key.input) then
		raise exception 'key "%" was used with another input by run %', key, existing.run_id
			using errcode = '23505', hint = 'use another key, or the same input';
	end if;
	return existing.run_id;
end
$$;

-- Takes the keys of the runs that are wanted, each for the first of them. Returns which of them have
-- theirs, or need none; all arrays are as long as keys, and count from 1.
create or replace function stepwell.take_keys(namespace text, name text, keys text[], ids uuid[],
	wanted boolean[], expires_at timestamptz, out got boolean[])
language plpgsql volatile as $$
begin
	with taken as (
		insert into stepwell.start_key (namespace, name, key, run_id, expires_at)
		select distinct on (u.key) take_keys.namespace, take_keys.name, u.key, u.id, take_keys.expires_at
		from unnest(ids, keys, wanted) with ordinality as u (id, key, wanted, n)
		where u.wanted and u.key is not null order by u.key, u.n
		on conflict do nothing
		returning run_id
	)
	select array_agg(u.wanted and (u.key is null or t.run_id is not null) order by u.n) into got
	from unnest(ids, keys, wanted) with ordinality as u (id, key, wanted, n)
	left join taken t on t.run_id = u.id;
end
$$;

-- Creates runs, one for each input; keys and ids are as long as inputs, and all count from 1; their
-- elements may be null. With a key that is taken: the first run, if the input is the same, else 23505. An id is
-- drawn by the caller, so that a repeated call is safe: the same id is not created twice. owner:
-- the runs are born with that worker's lease, which then claims them as its own. named: the caller has
-- named this version, and a key's first run of another one is refused too (23505). Returns
-- the ids in the order of the inputs, and which of them were created. (What it looks up, it looks
-- up row by row, by the whole key: a plan made while a table was empty must serve a full one.)
create or replace function stepwell.create_runs(definition_id uuid, inputs text[], keys text[],
	ids uuid[], due timestamptz, owner uuid, key_ttl interval, named boolean default false,
	out ids_out uuid[], out created boolean[])
language plpgsql volatile set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
	d record;
	at timestamptz := clock_timestamp();
	wanted boolean[];
begin
	select t.namespace, t.name, t.needs into strict d
	from stepwell.definition t where t.id = create_runs.definition_id;
	ids_out := array(select coalesce(u.id, stepwell.new_id())
		from unnest(ids) with ordinality as u (id, n) order by u.n);
	created := array(select u.id is null or (select r.id from stepwell.run r where r.id = u.id) is null
		from unnest(ids) with ordinality as u (id, n) order by u.n);
	if array_length(array_remove(keys, null), 1) > 0 then
		wanted := created;
		created := stepwell.take_keys(d.namespace, d.name, keys, ids_out, wanted, at + key_ttl);
		if created <> wanted then
			delete from stepwell.start_key k where k.expires_at <= at and k.ctid = any (array(
				select (select s.ctid from stepwell.start_key s where s.namespace = d.namespace
					and s.name = d.name and s.key = u.key and s.expires_at <= at)
				from unnest(keys) as u (key)));
			if found then
				created := (select array_agg(a or b order by n) from unnest(created,
					stepwell.take_keys(d.namespace, d.name, keys, ids_out, (select array_agg(w and not c
					order by n) from unnest(wanted, created) with ordinality as v (w, c, n)), at + key_ttl))
					with ordinality as u (a, b, n));
			end if;
		end if;
	end if;
	if to_regclass('stepwell.run_' || to_char(at at time zone 'UTC', 'IYYY"w"IW')) is null then
		perform stepwell.make_partitions();
	end if;
	with u as (
		select u.id, u.key, u.input
		from unnest(ids_out, keys, inputs, create_runs.created) as u (id, key, input, created)
		where u.created
	), leased as (
		insert into stepwell.lease (run_id, definition_id, due, owner, state, needs, started_at)
		select u.id, create_runs.definition_id, coalesce(create_runs.due, at), create_runs.owner,
			case when owner is null then 'pending' else 'running' end, d.needs,
			case when owner is not null then at end
		from u
	), noted as (
		insert into stepwell.entry (run_id, seq, at, kind, data)
		select u.id, 1, at, 'created', '[{"op":"created"}]' from u
	)
	insert into stepwell.run (id, definition_id, key, input, created_at, started_at)
	select u.id, create_runs.definition_id, u.key, u.input, at,
		case when owner is not null then at end
	from u;
	for i in 1 .. case when false = any (created) then array_length(inputs, 1) else 0 end loop
		if not created[i] and not exists (select from stepwell.run r where r.id = ids_out[i]) then
			ids_out[i] := stepwell.run_of_key(d.namespace, d.name, keys[i], inputs[i],
				case when named then create_runs.definition_id end);
		end if;
	end loop;
end
$$;

-- The run of a task `run: workflow`: created if it is not there, and how it ended if it has.
-- Where the task is tried again after the run has faulted, the run goes on; so does one that its
-- parent itself had cancelled, and now asks for again. Only the parent's owner gets anything done,
-- and only if no children were cancelled since it was announced by the entry `announced` (else it
-- is void): who cancels waits for the lease that is held here, and so sees the child. A refusal
-- says why there is no run. keep: it is born with the worker's lease.
create or replace function stepwell.run_child(parent uuid, path text, child uuid, workflow text,
	input text, awaited boolean, attempt int, worker uuid, keep boolean, announced bigint,
	out status text, out output text, out error text, out refusal text, out created boolean,
	out void boolean)
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
	found_run stepwell.run;
	definition uuid;
	depth int := 1;
	above uuid := parent;
begin
	created := false;
	select coalesce(l.recalled, 0) > announced into void from stepwell.lease l
	where l.run_id = parent and l.owner = worker for share;
	if void is distinct from false then
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
			definition := stepwell.find_definition_id(workflow);
		exception when no_data_found or invalid_parameter_value then
			refusal := sqlerrm;
			return;
		end;
		perform stepwell.create_runs(definition, array[input], array[null::text], array[child], null,
			case when keep then worker end, null);
		update stepwell.run r set parent_run_id = parent, parent_path = path,
			parent_attempt = attempt, awaited = run_child.awaited where r.id = child;
		created := true;
	elsif awaited and (found_run.status = 'faulted' and attempt > found_run.parent_attempt
		or found_run.status = 'cancelled' and found_run.recalled) then
		insert into stepwell.lease (run_id, definition_id, due, owner, state, needs, started_at)
			select child, t.id, clock_timestamp(), case when keep then worker end, 'pending',
				t.needs, found_run.started_at
			from stepwell.definition t where t.id = found_run.definition_id;
		update stepwell.run r set status = null, error = null, output = null, ended_at = null,
			parent_attempt = attempt, recalled = null, untold = null where r.id = child;
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

-- PUBLIC. Starts a run of workflow (namespace/name[:version]) for each input inside the caller's
-- transaction; returns their ids in the order of the inputs. keys may be null, or as long as
-- inputs; where the arrays begin to count does not matter, and of more than one dimension they are
-- refused (22023). Otherwise as start. Much cheaper than as many calls of start.
create or replace function stepwell.start_batch(workflow text, inputs json[],
	keys text[] default null) returns setof uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
	definition uuid := stepwell.find_definition_id(workflow);
	count int := coalesce(cardinality(inputs), 0);
begin
	if array_ndims(inputs) > 1 or array_ndims(keys) > 1 then
		raise exception '% have % dimensions, not one', case when array_ndims(inputs) > 1
			then 'inputs' else 'keys' end, greatest(array_ndims(inputs), array_ndims(keys))
			using errcode = '22023', hint = 'give one input, and one key, for each run';
	end if;
	if keys is not null and cardinality(keys) <> count then
		raise exception '% inputs and % keys', count, cardinality(keys) using errcode = '22023';
	end if;
	if '' = any (keys) then
		raise exception 'a key must not be empty' using errcode = '22023';
	end if;
	if count > 0 then
		return query select unnest(r.ids_out) from stepwell.create_runs(definition,
			array(select coalesce(i::text, 'null') from unnest(inputs) with ordinality t (i, n)
				order by n),
			case when keys is null then array_fill(null::text, array[count])
				else array(select k from unnest(keys) with ordinality t (k, n) order by n) end,
			array_fill(null::uuid, array[count]), null, null, null,
			stepwell.names_version(workflow)) r;
	end if;
end
$$;

-- PUBLIC. Starts a run of workflow (namespace/name[:version]) inside the caller's transaction
-- and returns its id. A key makes it idempotent: the same key with an equal input returns the
-- first run; with another input, or where the workflow is named with a version and that run is of
-- another one, it fails (23505). Unknown workflow: P0002. Runs as the schema's owner: callers need no
-- right to a table.
create or replace function stepwell.start(workflow text, input json default null,
	key text default null) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
	definition uuid := stepwell.find_definition_id(workflow);
begin
	if key = '' then
		raise exception 'a key must not be empty' using errcode = '22023';
	end if;
	return (stepwell.create_runs(definition, array[coalesce(input::text, 'null')], array[key],
		array[null::uuid], null, null, null, stepwell.names_version(workflow))).ids_out[1];
end
$$;

-- They run with their owner's rights, so nobody has them unasked.
revoke all on function stepwell.start(text, json, text),
	stepwell.start_batch(text, json[], text[]), stepwell.make_partitions() from public;
