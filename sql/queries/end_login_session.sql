-- Ends the session of another login that a worker used before under a slot, where it may. $1 worker
-- uuid; $2 slot text; $3 the process that has its place now, int.
select pg_terminate_backend(a.pid)
from stepwell.session s join pg_stat_activity a on a.pid = s.pid and a.backend_start = s.backend_start
where s.worker_id = $1::uuid and s.slot = $2::text and s.pid <> $3::int
	and (pg_has_role(a.usesysid, 'USAGE') or pg_has_role('pg_signal_backend', 'USAGE'))
