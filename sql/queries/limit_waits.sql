-- For the rest of this transaction a lock is waited for no longer than 100 ms. No parameters.
select pg_catalog.set_config('lock_timeout', '100', true)
