-- The settings of a session of the command line. $1 the process that it is for, int. Returns one
-- row; none, and nothing is set, if another one answers. The search_path is still the role's:
-- whatever is named here has its schema.
select pg_catalog.set_config('TimeZone', 'UTC', false),
	pg_catalog.set_config('DateStyle', 'ISO', false),
	pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),
	pg_catalog.set_config('default_transaction_isolation', 'read committed', false),
	pg_catalog.set_config('lock_timeout', '10s', false), pg_catalog.set_config('jit', 'off', false),
	pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', false),
	pg_catalog.set_config('bytea_output', 'hex', false),
	pg_catalog.set_config('client_min_messages', 'warning', false),
	pg_catalog.set_config('synchronous_commit', case when pg_catalog.current_setting(
		'synchronous_commit') operator(pg_catalog.=) any (array['off', 'local']) then 'on'
		else pg_catalog.current_setting('synchronous_commit') end, false)
where pg_catalog.pg_backend_pid() operator(pg_catalog.=) $1::pg_catalog.int4
