-- Records a session of another login as one of a worker's. $1 worker uuid; $2 slot text; $3 its
-- process, int. Where its beginning is not seen, since this role is no member of the login, nobody
-- ends it. No rows.
insert into stepwell.session (worker_id, slot, pid, backend_start)
select $1::uuid, $2::text, pid, coalesce(backend_start, '-infinity')
from pg_stat_activity where pid = $3::int
on conflict (worker_id, slot) do update set pid = excluded.pid,
	backend_start = excluded.backend_start
