-- Names that nobody can shadow, until the end of the transaction. No parameters; one row without
-- meaning.
select pg_catalog.set_config('search_path', 'pg_catalog', true)
