-- Back to our own role and to names that nobody can shadow, before the outcome is appended; the
-- warnings of the commit are to be heard. Returns the transaction's id: that of prepare_step, or
-- somebody committed in between.
select set_config('role', 'none', true), set_config('search_path', 'pg_catalog', true),
	set_config('statement_timeout', '60000', true), pg_current_xact_id()::text,
	set_config('client_min_messages', 'warning', true)
