-- Back to our own role and to names that nobody can shadow, before the outcome is appended; the
-- warnings of the commit are to be heard. Returns the transaction's id: that of prepare_step, or
-- somebody committed in between.
select pg_catalog.set_config('role', 'none', true),
	pg_catalog.set_config('search_path', 'pg_catalog', true),
	pg_catalog.set_config('statement_timeout', '60000', true),
	pg_catalog.pg_current_xact_id()::pg_catalog.text,
	pg_catalog.set_config('client_min_messages', 'warning', true)
