-- Retention: history is dropped by the week, active runs are kept. Public: gc.

-- The partitions of a table that hold nothing younger than an instant: by their bounds, whatever
-- their names say. `TABLE_kept` is what earlier calls of gc kept.
create or replace function stepwell.old_partitions(parent text, before timestamptz)
returns table (name text, upper_id uuid)
language sql stable set search_path = pg_catalog, pg_temp as $$
	select p.name, p.upper_id from stepwell.partition_bounds(parent) p
	where p.upper_id <= stepwell.first_id(before)
$$;

-- Old runs that are needed: those that have not ended, and all that were started below such a run,
-- which asks for them again. below: the bound of the partitions that are dropped.
create or replace function stepwell.needed_runs(below uuid) returns setof uuid
language sql stable set search_path = pg_catalog, pg_temp as $$
	with recursive needed as (
		select l.run_id as id from stepwell.lease l where l.run_id < below
		union
		select r.id from needed n join stepwell.run r on r.parent_run_id = n.id where r.id < below
	)
	select id from needed
$$;

-- Takes both big tables for oneself; false where they are in use for longer than the session's
-- lock_timeout.
create or replace function stepwell.lock_history() returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
	lock table stepwell.run, stepwell.entry in access exclusive mode;
	return true;
exception when lock_not_available then
	return false;
end
$$;

-- The rows of needed runs in the old partitions of a table, as the partition TABLE_kept.
create or replace function stepwell.keep_rows(parent text, key text, needed uuid[], old text[],
	below uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
	name text;
begin
	execute format('create table stepwell.%I (like stepwell.%I including all)', parent || '_new',
		parent);
	foreach name in array old loop
		execute format('insert into stepwell.%I select * from stepwell.%I where %I = any ($1)',
			parent || '_new', name, key) using needed;
		execute format('drop table stepwell.%I', name);
	end loop;
	execute format('alter table stepwell.%I rename to %I', parent || '_new', parent || '_kept');
	execute format('alter table stepwell.%I attach partition stepwell.%I for values from (minvalue) to (%L)',
		parent, parent || '_kept', below);
end
$$;

-- PUBLIC. Drops the history of runs that were started in weeks (Monday to Sunday, UTC) that ended
-- longer ago than `older_than`, with their keys; runs that have not ended, and what they have
-- started, are kept. dry_run: only says what it would do. Returns how many weeks and how many runs were
-- dropped, and how many runs of those weeks were kept. Everybody waits while it drops; 55P03 where it
-- cannot get in. 25001 in a transaction with a snapshot of its own (repeatable read, serializable): it
-- would not see what is written until it has the tables for itself, and drop it. Needs the rights of
-- the schema's owner.
create or replace function stepwell.gc(older_than interval, dry_run boolean default false,
	out weeks int, out runs bigint, out kept bigint)
language plpgsql volatile set search_path = pg_catalog, pg_temp set timezone = 'UTC'
set default_tablespace = '' set lock_timeout = '500ms' set enable_seqscan = on as $$
declare
	before timestamptz := clock_timestamp() - older_than;
	old_runs text[];
	old_entries text[];
	below uuid;
	below_entries uuid;
	needed uuid[];
	early uuid[];
	name text;
	n bigint;
	tries int := 0;
begin
	if older_than < interval '0' then
		raise exception 'older_than must not be negative' using errcode = '22023';
	end if;
	if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
		raise exception 'stepwell.gc must see what is committed while it waits, and the transaction is %',
			current_setting('transaction_isolation') using errcode = '25001',
			hint = 'call it in a transaction that is read committed: begin isolation level read committed';
	end if;
	perform from stepwell.migration m where m.number = 0 for update; -- one at a time
	select array_agg(p.name), count(*) filter (where p.name <> 'run_kept'),
		max(p.upper_id::text collate "C")::uuid into old_runs, weeks, below from stepwell.old_partitions('run', before) p;
	select array_agg(p.name), max(p.upper_id::text collate "C")::uuid into old_entries, below_entries
		from stepwell.old_partitions('entry', before) p where p.upper_id <= below;
	runs := 0;
	kept := 0;
	if weeks = 0 then
		return;
	end if;
	foreach name in array old_runs loop
		execute format('select count(*) from stepwell.%I', name) into n;
		runs := runs + n;
	end loop;
	needed := array(select stepwell.needed_runs(below));
	if dry_run then
		kept := coalesce(array_length(needed, 1), 0);
		runs := greatest(runs - kept, 0);
		return;
	end if;
	delete from stepwell.start_key k where k.run_id < below and k.run_id <> all (needed);
	while not stepwell.lock_history() loop
		tries := tries + 1;
		if tries = 20 then
			raise exception 'the tables are in use all the time' using errcode = '55P03',
				hint = 'look for long transactions in pg_stat_activity, and try again';
		end if;
		perform pg_sleep(random());
	end loop;
	early := needed;
	needed := array(select stepwell.needed_runs(below)); -- some may have been retried meanwhile
	insert into stepwell.start_key (namespace, name, key, run_id)
		select d.namespace, d.name, r.key, r.id from stepwell.run r
		join stepwell.definition d on d.id = r.definition_id
		where r.id = any (needed) and r.id <> all (early) and r.key is not null
		on conflict do nothing;
	kept := coalesce(array_length(needed, 1), 0);
	perform stepwell.keep_rows('run', 'id', needed, old_runs, below);
	if old_entries <> '{entry_kept}' then
		perform stepwell.keep_rows('entry', 'run_id', needed, old_entries, below_entries);
	end if;
	runs := greatest(runs - kept, 0);
end
$$;

revoke all on function stepwell.gc(interval, boolean) from public;
