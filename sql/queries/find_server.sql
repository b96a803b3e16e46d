-- Facts of the server. No parameters. Returns one row: version as a number, version text,
-- encoding, in recovery boolean, read-only by default boolean, whether this role sees other
-- roles' sessions boolean, data directory (or null), now (microseconds since 1970).
select current_setting('server_version_num')::int, current_setting('server_version'),
	current_setting('server_encoding'), pg_is_in_recovery(),
	(select reset_val = 'on' from pg_settings where name = 'default_transaction_read_only'),
	pg_has_role(current_user, 'pg_read_all_stats', 'usage'),
	(select setting from pg_settings where name = 'data_directory'),
	(extract(epoch from clock_timestamp()) * 1000000)::bigint
