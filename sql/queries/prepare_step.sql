-- Settings of a step's transaction, local to it. $1 role, or '' for none; $2 statement_timeout
-- in milliseconds, text; $3 lock_timeout; $4 whether the transaction is to have a number, boolean. What a value's text looks like does not depend on how the
-- server, the database or the role is set up. Returns the transaction's time and the session's
-- user, by which leave_role knows them again, its number or null, and the process. It runs with the role's own search_path, as the
-- step's statement will: whatever it names has its schema.
select pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.now()), 'YYYYMMDDHH24MISSUS'),
	session_user::pg_catalog.text,
	case when $4::pg_catalog.bool then pg_catalog.pg_current_xact_id()::pg_catalog.text end,
	pg_catalog.pg_backend_pid(),
	pg_catalog.set_config('TimeZone', 'UTC', true),
	pg_catalog.set_config('DateStyle', 'ISO, MDY', true),
	pg_catalog.set_config('IntervalStyle', 'postgres', true),
	pg_catalog.set_config('bytea_output', 'hex', true),
	pg_catalog.set_config('extra_float_digits', '1', true),
	pg_catalog.set_config('xmloption', 'content', true),
	pg_catalog.set_config('standard_conforming_strings', 'on', true),
	pg_catalog.set_config('array_nulls', 'on', true),
	pg_catalog.set_config('transform_null_equals', 'off', true),
	pg_catalog.set_config('statement_timeout', $2::pg_catalog.text, true),
	pg_catalog.set_config('lock_timeout', $3::pg_catalog.text, true),
	pg_catalog.set_config('synchronous_commit', case when pg_catalog.current_setting(
		'synchronous_commit') operator(pg_catalog.=) any (array['off', 'local']) then 'on'
		else pg_catalog.current_setting('synchronous_commit') end, true),
	pg_catalog.set_config('idle_in_transaction_session_timeout', '60000', true),
	pg_catalog.set_config('exit_on_error', 'off', true),
	case when $1::pg_catalog.text operator(pg_catalog.<>) '' then
		pg_catalog.set_config('role', $1::pg_catalog.text, true) end
