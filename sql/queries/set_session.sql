-- The settings of a session of the command line. No parameters. Returns one row.
select set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO', false),
	set_config('search_path', 'pg_catalog, pg_temp', false),
	set_config('default_transaction_isolation', 'read committed', false),
	set_config('default_transaction_read_only', 'off', false),
	set_config('synchronous_commit', 'on', false), set_config('lock_timeout', '10s', false),
	set_config('bytea_output', 'hex', false), set_config('client_min_messages', 'warning', false)
