-- Settings of the transaction of one check: it ends within seconds and changes nothing. No
-- parameters. Returns one row.
select set_config('transaction_read_only', 'on', true),
	set_config('statement_timeout', '20s', true), set_config('lock_timeout', '1s', true),
	set_config('search_path', 'pg_catalog, pg_temp', true)
