-- Enters a worker. $1 id uuid; $2 host; $3 pid; $4 version; $5 lease interval in
-- microseconds. Returns the database's time (microseconds since 1970).
insert into stepwell.worker (id, host, pid, version, expires_at, postmaster_started_at, by_place)
values ($1::uuid, $2::text, $3::int, $4::text,
	clock_timestamp() + $5::bigint * interval '1 microsecond', pg_postmaster_start_time(), true)
on conflict (id) do update set seen_at = clock_timestamp(), pid = excluded.pid, expires_at = excluded.expires_at,
	postmaster_started_at = excluded.postmaster_started_at
returning (extract(epoch from clock_timestamp()) * 1000000)::bigint
