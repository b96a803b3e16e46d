-- Ends the database sessions of a dead worker, so that a frozen one blocks nobody; those of a
-- login whose sessions this one may not end are left alone. $1 worker uuid.
select pg_terminate_backend(a.pid)
from stepwell.session s join pg_stat_activity a on a.pid = s.pid and a.backend_start = s.backend_start
where s.worker_id = $1::uuid and (pg_has_role(a.usesysid, 'USAGE') or pg_has_role('pg_signal_backend', 'USAGE'))
	and (current_setting('is_superuser') = 'on' or not exists (
		select from pg_roles r where r.oid = a.usesysid and r.rolsuper))
