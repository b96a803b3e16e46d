-- Sessions in this database that wait for a lock while they work on our tables, and who holds
-- it. No parameters. Returns rows, at most 5: pid, application_name, microseconds that it waits,
-- pid of a holder, its application_name, role, state, microseconds of its transaction.
select a.pid, a.application_name,
	(extract(epoch from clock_timestamp() - a.query_start) * 1000000)::bigint,
	b.pid, coalesce(b.application_name, ''), coalesce(b.usename, ''), coalesce(b.state, ''),
	(extract(epoch from clock_timestamp() - b.xact_start) * 1000000)::bigint
from pg_stat_activity a
cross join lateral (select (pg_blocking_pids(a.pid))[1] as pid) blocking
left join pg_stat_activity b on b.pid = blocking.pid
where a.datname = current_database() and a.wait_event_type = 'Lock'
	and a.query_start < clock_timestamp() - interval '1 second' and blocking.pid is not null
	and exists (select from pg_locks l join pg_class c on c.oid = l.relation
		where l.pid = a.pid and l.locktype = 'relation'
			and c.relnamespace = (select oid from pg_namespace where nspname = 'stepwell'))
order by a.query_start limit 5
