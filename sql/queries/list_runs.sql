-- Runs, newest first. Each of these may be null: $1 statuses text[]; $2 namespace text; $3 name
-- text; $4 version text; $5 created at or after timestamptz; $6 with an id below uuid.
-- $7 limit int; $8 started by uuid or null; $9 key text or null: only the runs that it stands for.
-- Returns rows: id, status, namespace, name, version, key, created, started, ended, due, now
-- (microseconds since 1970 or null), reason. (A key is looked up workflow by workflow, by the whole
-- key: its index begins so.)
select r.id, coalesce(r.status, l.state, 'pending'), d.namespace, d.name, d.version, r.key,
	(extract(epoch from r.created_at) * 1000000)::bigint,
	(extract(epoch from coalesce(r.started_at, l.started_at)) * 1000000)::bigint,
	(extract(epoch from r.ended_at) * 1000000)::bigint,
	case when isfinite(l.due) then (extract(epoch from l.due) * 1000000)::bigint end,
	(extract(epoch from clock_timestamp()) * 1000000)::bigint, l.reason
from stepwell.run r
join stepwell.definition d on d.id = r.definition_id
left join stepwell.lease l on l.run_id = r.id
where ($1::text[] is null or coalesce(r.status, l.state, 'pending') = any ($1::text[]))
	and ($2::text is null or d.namespace = $2::text) and ($3::text is null or d.name = $3::text)
	and ($4::text is null or d.version = $4::text)
	and ($5::timestamptz is null or (r.id >= stepwell.first_id($5::timestamptz)
		and r.created_at >= $5::timestamptz))
	and ($6::uuid is null or r.id < $6::uuid)
	and ($8::uuid is null or r.parent_run_id = $8::uuid)
	and ($9::text is null or r.id = any (array(select k.run_id
		from (select distinct n.namespace, n.name from stepwell.definition n) w
		cross join lateral (select s.run_id from stepwell.start_key s where s.namespace = w.namespace
			and s.name = w.name and s.key = $9::text offset 0) k)))
order by r.id desc limit $7::int
