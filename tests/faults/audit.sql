-- What the judges want to know and no view tells: who wrote which entry, who held which lease
-- from when to when, and every change of a run's end. For databases of tests only.
create schema audit;

create table audit.session (pid int, worker_id uuid, at timestamptz default clock_timestamp());
create index on audit.session (pid);
create table audit.lease (pid int, worker_id uuid, seen_at timestamptz, expires_at timestamptz, parent uuid);
create table audit.entry (run_id uuid, seq bigint, app text, worker_id uuid);
create table audit.status (run_id uuid, old text, new text, at timestamptz default clock_timestamp());

create function audit.on_session() returns trigger language plpgsql as $$ begin
	insert into audit.session values (new.pid, new.worker_id);
	return null;
end $$;
create trigger audit after insert or update on stepwell.session
	for each row execute function audit.on_session();

create function audit.on_worker() returns trigger language plpgsql as $$ begin
	insert into audit.lease values (new.pid, new.id, new.seen_at, new.expires_at, new.parent);
	return null;
end $$;
create trigger audit after insert or update on stepwell.worker
	for each row execute function audit.on_worker();

create function audit.on_entry() returns trigger language plpgsql as $$ begin
	insert into audit.entry select new.run_id, new.seq, current_setting('application_name'),
		(select s.worker_id from audit.session s where s.pid = pg_backend_pid() order by s.at desc limit 1);
	return null;
end $$;
create trigger audit after insert on stepwell.entry
	for each row execute function audit.on_entry();

create function audit.on_status() returns trigger language plpgsql as $$ begin
	insert into audit.status values (new.id, old.status, new.status);
	return null;
end $$;
create trigger audit after update of status on stepwell.run
	for each row when (old.status is not null) execute function audit.on_status();
