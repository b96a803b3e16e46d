-- Records the session this runs in as one of a worker's. $1 worker uuid; $2 slot text; $3 the process
-- as told at login, int. Another one means that a pooler is between, which may give the session to
-- somebody else: without its beginning nobody ends it. Nor is the beginning seen by a role that the
-- login was given, unless it may see the login's sessions.
insert into stepwell.session (worker_id, slot, pid, backend_start)
select $1::uuid, $2::text, pid, coalesce(case when pid = $3::int then backend_start end, '-infinity')
from pg_stat_activity where pid = pg_backend_pid()
on conflict (worker_id, slot) do update set pid = excluded.pid,
	backend_start = excluded.backend_start
