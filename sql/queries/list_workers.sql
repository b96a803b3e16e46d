-- The workers and how many runs each owns. No parameters. Returns rows: id, host, pid,
-- version, started, seen, expires, now (microseconds since 1970), draining, runs.
select w.id, w.host, w.pid, w.version, (extract(epoch from w.started_at) * 1000000)::bigint,
	(extract(epoch from w.seen_at) * 1000000)::bigint,
	(extract(epoch from w.expires_at) * 1000000)::bigint,
	(extract(epoch from clock_timestamp()) * 1000000)::bigint, w.draining,
	(select count(*) from stepwell.lease l where l.owner = w.id)
from stepwell.worker w
order by w.host, w.pid
