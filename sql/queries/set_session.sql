-- Settings of one of our sessions. $1 lock_timeout; $2 statement_timeout (milliseconds, text).
-- Plans are made once and by index: what the statements touch is found by key, and a plan made
-- while a table was empty, or for one backlog, must serve the next. (So a statement names its rows
-- by "= any": a join's plan may read all of a table that was empty when it was made.)
select set_config('TimeZone', 'UTC', false), set_config('lock_timeout', $1::text, false),
	set_config('statement_timeout', $2::text, false), set_config('search_path', 'pg_catalog', false),
	set_config('default_transaction_isolation', 'read committed', false),
	set_config('idle_in_transaction_session_timeout', '60000', false),
	set_config('idle_session_timeout', '0', false), set_config('jit', 'off', false),
	set_config('plan_cache_mode', 'force_generic_plan', false),
	set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false),
	set_config('synchronous_commit', case when current_setting('synchronous_commit') in
		('off', 'local') then 'on' else current_setting('synchronous_commit') end, false)
