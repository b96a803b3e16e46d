-- Settings of one of our sessions. $1 lock_timeout; $2 statement_timeout (milliseconds, text).
-- Plans are made once and by index: what the statements touch is found by key, and a plan made
-- while a table was empty, or for one backlog, must serve the next. (So a statement names its rows
-- by "= any": a join's plan may read all of a table that was empty when it was made.) The
-- search_path is still the role's: whatever is named here has its schema.
select pg_catalog.set_config('TimeZone', 'UTC', false),
	pg_catalog.set_config('lock_timeout', $1::pg_catalog.text, false),
	pg_catalog.set_config('statement_timeout', $2::pg_catalog.text, false),
	pg_catalog.set_config('search_path', 'pg_catalog', false),
	pg_catalog.set_config('default_transaction_isolation', 'read committed', false),
	pg_catalog.set_config('client_min_messages', 'warning', false),
	pg_catalog.set_config('idle_in_transaction_session_timeout', '60000', false),
	pg_catalog.set_config('idle_session_timeout', '0', false),
	pg_catalog.set_config('jit', 'off', false),
	pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', false),
	pg_catalog.set_config('enable_seqscan', 'off', false),
	pg_catalog.set_config('enable_bitmapscan', 'off', false),
	pg_catalog.set_config('synchronous_commit', case when pg_catalog.current_setting(
		'synchronous_commit') operator(pg_catalog.=) any (array['off', 'local']) then 'on'
		else pg_catalog.current_setting('synchronous_commit') end, false)
