-- A heartbeat. $1 worker uuid; $2 lease interval in microseconds. Returns the database's time
-- (microseconds since 1970) with each own run that has a request or was woken (run_id, request or
-- null, version of its lease, which changes when it is woken again), or once without; no row when
-- the worker is not known any more. That it lets its runs go is taken back, but not that the worker that
-- has started it does (a process for suspects). Its commit does not wait for the WAL, which large entries
-- and a standby may keep busy for longer than a lease; a heartbeat that a crash of the server takes back only
-- lets others try sooner.
with beat as (
	update stepwell.worker set seen_at = clock_timestamp(), released = released and parent is not null,
		expires_at = clock_timestamp() + $2::bigint * interval '1 microsecond'
	where id = $1::uuid returning id, set_config('synchronous_commit', 'off', true)
)
select (extract(epoch from clock_timestamp()) * 1000000)::bigint, l.run_id, l.request,
	l.xmin::text
from beat b left join stepwell.lease l on l.owner = b.id and (l.request is not null or l.woken)
