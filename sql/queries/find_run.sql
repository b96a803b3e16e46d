-- A run, for people. $1 run uuid. Returns one row or none: id, status, namespace, name,
-- version, key, created, started, ended (microseconds since 1970 or null), input, output,
-- error, reason, request, needs (text, with commas), host and pid of its owner, due, now
-- (microseconds), definition uuid, parent run uuid or null, orders (JSON array of
-- at, change, by, or null), when its owner was last seen (microseconds) and whether it is gone,
-- how many workers live, and from when on the run may have a process of its own, which it
-- waits for (microseconds, or null: it does not).
select r.id, coalesce(r.status, l.state, 'pending'), d.namespace, d.name, d.version, r.key,
	(extract(epoch from r.created_at) * 1000000)::bigint,
	(extract(epoch from coalesce(r.started_at, l.started_at)) * 1000000)::bigint,
	(extract(epoch from r.ended_at) * 1000000)::bigint,
	r.input, r.output, r.error, l.reason, l.request,
	nullif(array_to_string(l.needs, ', '), ''), w.host, w.pid,
	case when isfinite(l.due) then (extract(epoch from l.due) * 1000000)::bigint end,
	(extract(epoch from clock_timestamp()) * 1000000)::bigint, r.definition_id, r.parent_run_id,
	r.orders, (extract(epoch from w.seen_at) * 1000000)::bigint,
	coalesce(w.expires_at <= clock_timestamp(), false),
	(select count(*) from stepwell.worker o where o.expires_at > clock_timestamp()),
	(extract(epoch from l.suspect_at) * 1000000)::bigint
from stepwell.run r
join stepwell.definition d on d.id = r.definition_id
left join stepwell.lease l on l.run_id = r.id
left join stepwell.worker w on w.id = l.owner
where r.id = $1::uuid
