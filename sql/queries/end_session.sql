-- Ends the session that a worker used before under a slot, so that what it may still have in
-- its buffers is not committed later. $1 worker uuid; $2 slot text.
select pg_terminate_backend(a.pid)
from stepwell.session s join pg_stat_activity a on a.pid = s.pid and a.backend_start = s.backend_start
where s.worker_id = $1::uuid and s.slot = $2::text and s.pid <> pg_backend_pid()
