-- Settings as a new session of this role in this database gets them. No parameters. Returns
-- rows: name, value (timeouts in milliseconds), who set it for the role or the database, or
-- null, whether it differs from what is built in boolean.
select s.name, s.reset_val, (
		select case when r.setrole = 0 then 'the database'
			when r.setdatabase = 0 then 'the role' else 'the role in this database' end
		from pg_db_role_setting r cross join lateral unnest(r.setconfig) as c (assignment)
		where r.setdatabase in (0, (select oid from pg_database where datname = current_database()))
			and r.setrole in (0, (select oid from pg_roles where rolname = session_user))
			and split_part(c.assignment, '=', 1) = s.name
		order by r.setrole <> 0 desc, r.setdatabase <> 0 desc limit 1),
	s.reset_val is distinct from s.boot_val
from pg_settings s
where s.name in ('fsync', 'full_page_writes', 'synchronous_commit', 'statement_timeout',
	'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout',
	'transaction_timeout', 'autovacuum', 'track_counts')
order by s.name
