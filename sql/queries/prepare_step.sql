-- Settings of a step's transaction, local to it. $1 role, or '' for none; $2 statement_timeout
-- in milliseconds, text; $3 lock_timeout. Returns the transaction's id.
select set_config('TimeZone', 'UTC', true), set_config('statement_timeout', $2::text, true),
	set_config('lock_timeout', $3::text, true),
	set_config('synchronous_commit', case when current_setting('synchronous_commit') in
		('off', 'local') then 'on' else current_setting('synchronous_commit') end, true),
	pg_current_xact_id()::text,
	case when $1::text <> '' then set_config('role', $1::text, true) end,
	set_config('idle_in_transaction_session_timeout', '60000', true)
