-- A heartbeat. $1 worker uuid; $2 lease interval in microseconds. Returns the database's time
-- (microseconds since 1970) with each own run that has a request or was woken (run_id, request or
-- null, version of its lease, which changes when it is woken again), or once without; no row when
-- the worker is not known any more. That it lets its runs go is taken back, but not that the worker that
-- has started it does (a process for suspects).
with beat as (
	update stepwell.worker set seen_at = clock_timestamp(), released = released and parent is not null,
		expires_at = clock_timestamp() + $2::bigint * interval '1 microsecond'
	where id = $1::uuid returning id
)
select (extract(epoch from clock_timestamp()) * 1000000)::bigint, l.run_id, l.request,
	l.xmin::text
from beat b left join stepwell.lease l on l.owner = b.id and (l.request is not null or l.woken)
