-- Connections. No parameters. Returns one row: in use, of how many for ordinary roles; in use by
-- this role, of how many (-1: any); in use in this database, of how many (-1: any).
select (select sum(numbackends)::int from pg_stat_database),
	current_setting('max_connections')::int
		- current_setting('superuser_reserved_connections')::int
		- coalesce(current_setting('reserved_connections', true)::int, 0),
	(select count(*) from pg_stat_activity where usename = session_user),
	r.rolconnlimit,
	(select numbackends from pg_stat_database where datname = current_database()),
	d.datconnlimit
from pg_roles r, pg_database d
where r.rolname = session_user and d.datname = current_database()
