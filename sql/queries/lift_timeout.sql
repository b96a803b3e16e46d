-- For this transaction a statement may take as long as its bytes need. No parameters.
select pg_catalog.set_config('statement_timeout', '0', true)
