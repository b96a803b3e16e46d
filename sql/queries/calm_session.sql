-- Timeouts that the server, the database or the role have set, away from a session of `call: sql`: while a
-- transaction begins, after it failed and until it is rolled back, what is set for the transaction does
-- not count. $1 the process that it is for, int; null: whichever answers. Returns a row for each that was
-- set; none, and nothing is done, if another process answers. It runs with the role's own search_path.
select pg_catalog.set_config(s.name, s.value, false)
from (values ('statement_timeout', '60000'), ('lock_timeout', '10000'),
	('idle_in_transaction_session_timeout', '60000'), ('idle_session_timeout', '0'),
	('transaction_timeout', '0')) as s (name, value)
where pg_catalog.current_setting(s.name, true) operator(pg_catalog.<>) '0'
	and pg_catalog.pg_backend_pid() operator(pg_catalog.=) coalesce($1::pg_catalog.int4,
		pg_catalog.pg_backend_pid())
