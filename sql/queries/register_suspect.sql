-- Enters a process for suspects, which is about to be started, as a worker; where the worker that
-- starts it has as many as it may have, or connections are scarce, nothing. One it may have always. $1
-- its id uuid; $2 the worker that starts it; $3 lease interval in microseconds. Returns whether it did.
with entered as (
	insert into stepwell.worker (id, parent, host, pid, version, expires_at, postmaster_started_at,
		by_place)
	select $1::uuid, p.id, p.host, 0, p.version, clock_timestamp() + $3::bigint * interval '1 microsecond',
		p.postmaster_started_at, p.by_place
	from stepwell.worker p
	where p.id = $2::uuid and (select count(*) from stepwell.worker w where w.parent = p.id) < greatest(1,
		least(4, (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
			- (select sum(numbackends) from pg_stat_database)) / 10))
	returning id
)
select count(*) > 0 from entered
