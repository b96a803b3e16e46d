-- Settings of one of a worker's sessions, after pin_settings. $1 lock_timeout; $2 statement_timeout
-- (milliseconds, text). Plans are made once and by index: what the statements touch is found by key,
-- and a plan made while a table was empty, or for one backlog, must serve the next. (So a statement
-- names its rows by "= any": a join's plan may read all of a table that was empty when it was made.)
-- The search_path is still the role's: whatever is named here has its schema.
select pg_catalog.set_config('lock_timeout', $1::pg_catalog.text, false),
	pg_catalog.set_config('statement_timeout', $2::pg_catalog.text, false),
	pg_catalog.set_config('search_path', 'pg_catalog', false),
	pg_catalog.set_config('idle_in_transaction_session_timeout', '60000', false),
	pg_catalog.set_config('idle_session_timeout', '0', false),
	pg_catalog.set_config('jit', 'off', false),
	pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', false),
	pg_catalog.set_config('enable_seqscan', 'off', false),
	pg_catalog.set_config('enable_bitmapscan', 'off', false),
	pg_catalog.set_config('enable_indexscan', 'on', false),
	pg_catalog.set_config('enable_indexonlyscan', 'on', false),
	pg_catalog.set_config('enable_nestloop', 'on', false),
	pg_catalog.set_config('enable_partition_pruning', 'on', false)
