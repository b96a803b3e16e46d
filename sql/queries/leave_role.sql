-- Back to our own role (the one that sessions of this login begin with) and to names that nobody can shadow, before the outcome is appended: after
-- reset_settings nothing is left of what the statement set, and what the append and the commit need
-- is set here. The warnings of the commit are to be heard. Returns the transaction's time and the
-- session's user, as prepare_step did (or somebody committed in between, or became another);
-- whether the transaction has written anything, so that code may run when it commits; whether
-- it can write; and its number, or null.
select pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.now()), 'YYYYMMDDHH24MISSUS'),
	session_user::pg_catalog.text,
	pg_catalog.pg_current_xact_id_if_assigned() is not null,
	pg_catalog.current_setting('transaction_read_only') operator(pg_catalog.=) 'off',
	pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text,
	pg_catalog.set_config('role', null, true),
	pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
	pg_catalog.set_config('statement_timeout', '60000', true),
	pg_catalog.set_config('lock_timeout', '10000', true),
	pg_catalog.set_config('idle_in_transaction_session_timeout', '60000', true),
	pg_catalog.set_config('exit_on_error', 'off', true),
	pg_catalog.set_config('client_min_messages', 'warning', true),
	pg_catalog.set_config('synchronous_commit', case when pg_catalog.current_setting(
		'synchronous_commit') operator(pg_catalog.=) any (array['off', 'local']) then 'on'
		else pg_catalog.current_setting('synchronous_commit') end, true)
