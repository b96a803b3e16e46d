-- Settings of a session of the command line, after pin_settings. No parameters. Returns one row. The
-- search_path is still the role's: whatever is named here has its schema. Statistics of a table that
-- was small must not make a look at one run read all of a large one.
select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),
	pg_catalog.set_config('lock_timeout', '10s', false), pg_catalog.set_config('jit', 'off', false),
	pg_catalog.set_config('enable_seqscan', 'off', false),
	pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', false)
