-- Records the session this runs in as one of a worker's. $1 worker uuid; $2 slot text.
insert into stepwell.session (worker_id, slot, pid, backend_start)
select $1::uuid, $2::text, pid, backend_start from pg_stat_activity where pid = pg_backend_pid()
on conflict (worker_id, slot) do update set pid = excluded.pid,
	backend_start = excluded.backend_start
