-- Settings of a step's transaction, local to it. $1 role, or '' for none; $2 statement_timeout
-- in milliseconds, text; $3 lock_timeout. Returns the transaction's id. It runs with the role's
-- own search_path, as the step's statement will: whatever it names has its schema.
select pg_catalog.set_config('TimeZone', 'UTC', true),
	pg_catalog.set_config('statement_timeout', $2::pg_catalog.text, true),
	pg_catalog.set_config('lock_timeout', $3::pg_catalog.text, true),
	pg_catalog.set_config('synchronous_commit', case when pg_catalog.current_setting(
		'synchronous_commit') operator(pg_catalog.=) any (array['off', 'local']) then 'on'
		else pg_catalog.current_setting('synchronous_commit') end, true),
	pg_catalog.pg_current_xact_id()::pg_catalog.text,
	case when $1::pg_catalog.text operator(pg_catalog.<>) '' then
		pg_catalog.set_config('role', $1::pg_catalog.text, true) end,
	pg_catalog.set_config('idle_in_transaction_session_timeout', '60000', true),
	pg_catalog.set_config('exit_on_error', 'off', true)
