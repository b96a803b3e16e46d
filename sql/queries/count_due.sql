-- Runs that are due and that nobody owns, and those of workers that are gone, due since then.
-- No parameters. Returns one row: number, the oldest due time or null, now (both in microseconds
-- since 1970).
select count(*), (extract(epoch from min(due)) * 1000000)::bigint,
	(extract(epoch from clock_timestamp()) * 1000000)::bigint
from (
	select due from stepwell.lease where owner is null and due <= clock_timestamp()
	union all
	select w.expires_at from stepwell.worker w join stepwell.lease l on l.owner = w.id
	where w.expires_at <= clock_timestamp()
) runs
