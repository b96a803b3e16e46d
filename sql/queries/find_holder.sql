-- Who keeps dead rows of this database from being removed: the oldest snapshot, of a session,
-- a standby (through its slot or connection) or a prepared transaction. No parameters. Returns
-- one row or none: kind, name, pid or null, application_name, role, age in transactions, age
-- in microseconds or null, microseconds since its last query or null, state or null.
select kind, name, pid, application, role, xids,
	(extract(epoch from clock_timestamp() - since) * 1000000)::bigint,
	(extract(epoch from clock_timestamp() - query_start) * 1000000)::bigint, state
from (
	select case when backend_type = 'walsender' then 'standby' else 'session' end as kind,
		coalesce(host(client_addr), '') as name, pid, application_name as application,
		usename as role, greatest(age(backend_xmin), age(backend_xid)) as xids,
		xact_start as since, query_start, state
	from pg_stat_activity
	where pid <> pg_backend_pid() and (backend_xmin is not null or backend_xid is not null)
		and (datname = current_database() or datname is null)
		and backend_type <> 'autovacuum worker'
	union all
	select 'slot', slot_name, active_pid, '', '', age(xmin), null, null,
		case when active then 'active' else 'inactive' end
	from pg_replication_slots where xmin is not null
	union all
	select 'prepared', gid, null, '', owner, age(transaction), prepared, null, null
	from pg_prepared_xacts where database = current_database()
) holders
order by xids desc nulls last, since limit 1
