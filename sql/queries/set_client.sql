-- The settings of a session of the command line. $1 the process that it is for, int. Returns one
-- row; none, and nothing is set, if another one answers.
select set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false),
	set_config('search_path', 'pg_catalog, pg_temp', false),
	set_config('default_transaction_isolation', 'read committed', false),
	set_config('lock_timeout', '10s', false), set_config('jit', 'off', false),
	set_config('bytea_output', 'hex', false),
	set_config('client_min_messages', 'warning', false),
	set_config('synchronous_commit', case when current_setting('synchronous_commit') in
		('off', 'local') then 'on' else current_setting('synchronous_commit') end, false)
where pg_backend_pid() = $1::int
