-- Runs that are due and that nobody owns. No parameters. Returns one row: number, the oldest
-- due time or null, now (both in microseconds since 1970).
select count(*), (extract(epoch from min(due)) * 1000000)::bigint,
	(extract(epoch from clock_timestamp()) * 1000000)::bigint
from stepwell.lease
where owner is null and due <= clock_timestamp()
