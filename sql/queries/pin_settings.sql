-- What our statements rely on, whatever the server, the database or the role have set: what text
-- means, what is written as which text, what a commit means, what an error ends. $1 the process
-- that it is for, int; null: whichever answers. Returns a row for each setting; none, and nothing
-- is set, if another process answers. What this server does not know is left out. The search_path
-- is still the role's: whatever is named here has its schema.
select pg_catalog.set_config(s.name, s.value, false)
from (values
	('standard_conforming_strings', 'on'), ('array_nulls', 'on'), ('transform_null_equals', 'off'),
	('quote_all_identifiers', 'off'), ('TimeZone', 'UTC'),
	('DateStyle', 'ISO, YMD'), ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'),
	('extra_float_digits', '1'), ('xmloption', 'content'),
	('default_transaction_isolation', 'read committed'), ('default_transaction_deferrable', 'off'),
	('exit_on_error', 'off'), ('transaction_timeout', '0'), ('client_min_messages', 'warning'),
	('restrict_nonsystem_relation_kind', ''),
	('synchronous_commit', case when pg_catalog.current_setting('synchronous_commit')
		operator(pg_catalog.=) any (array['off', 'local']) then 'on'
		else pg_catalog.current_setting('synchronous_commit') end)) as s (name, value)
where pg_catalog.current_setting(s.name, true) is not null
	and pg_catalog.pg_backend_pid() operator(pg_catalog.=) coalesce($1::pg_catalog.int4,
		pg_catalog.pg_backend_pid())
