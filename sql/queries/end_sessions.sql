-- Ends the database sessions of a dead worker, so that a frozen one blocks nobody. $1 worker
-- uuid.
select pg_terminate_backend(a.pid)
from stepwell.session s join pg_stat_activity a on a.pid = s.pid and a.backend_start = s.backend_start
where s.worker_id = $1::uuid
