-- The tables of Stepwell. They are internal: the views and functions of sql/api are the
-- public interface. Times are the database's clock; ids are UUIDv7, so time order.

-- Registered definitions; immutable.
create table stepwell.definition (
	id uuid primary key, -- SHA-256 over namespace, name, version and digest
	namespace text not null,
	name text not null,
	version text not null, -- semantic version
	digest bytea not null, -- SHA-256 of the canonical document
	document text not null, -- as it was given
	needs text[] not null default '{}', -- what a worker must have: shell, database:NAME
	created_at timestamptz not null default clock_timestamp(),
	unique (namespace, name, version)
);

-- One row a run, cold: written when it starts and when it ends.
create table stepwell.run (
	id uuid not null,
	definition_id uuid not null,
	key text,
	parent_run_id uuid,
	parent_path text,
	input text not null,
	output text,
	error text,
	status text, -- completed, faulted, cancelled; null while it goes on
	created_at timestamptz not null,
	started_at timestamptz,
	ended_at timestamptz,
	primary key (id)
) partition by range (id);

-- The append-only log; (run_id, seq) is the fence. data is a JSON array of operations.
create table stepwell.entry (
	run_id uuid not null,
	seq bigint not null,
	at timestamptz not null,
	kind text not null,
	path text,
	attempt int,
	data text,
	primary key (run_id, seq)
) partition by range (run_id);

-- One row per run that has not ended, hot and small: who owns it, when it is due.
create table stepwell.lease (
	run_id uuid primary key,
	definition_id uuid not null,
	due timestamptz not null,
	owner uuid, -- worker.id
	state text not null default 'pending', -- pending, running, waiting, suspended
	reason text, -- why it waits or was suspended, for people
	request text, -- cancel, suspend: what an operator asks of the owner
	needs text[] not null default '{}',
	started_at timestamptz
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 0);
create index lease_due on stepwell.lease (due) where owner is null;
create index lease_owner on stepwell.lease (owner) where owner is not null;

-- A start's idempotency key; lives as long as its run unless it expires earlier.
create table stepwell.start_key (
	namespace text not null,
	name text not null,
	key text not null,
	run_id uuid not null,
	expires_at timestamptz,
	primary key (namespace, name, key)
);

-- A process of the pool; its id is drawn anew at each start.
create table stepwell.worker (
	id uuid primary key,
	host text not null,
	pid int not null,
	version text not null,
	started_at timestamptz not null default clock_timestamp(),
	seen_at timestamptz not null default clock_timestamp(),
	expires_at timestamptz not null,
	postmaster_started_at timestamptz not null,
	draining boolean not null default false
) with (fillfactor = 50);

-- The database sessions of each worker, recorded by the session itself before it is used.
create table stepwell.session (
	worker_id uuid not null,
	slot text not null, -- journal0, journal1, control, heartbeat, sql0 ...
	pid int not null,
	backend_start timestamptz not null,
	primary key (worker_id, slot)
) with (fillfactor = 50);
