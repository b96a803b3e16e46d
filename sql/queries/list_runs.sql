-- Runs, newest first. Each of these may be null: $1 statuses text[]; $2 namespace text; $3 name
-- text; $4 version text; $5 created at or after timestamptz; $6 those that come after this run uuid.
-- $7 limit int; $8 started by uuid or null; $9 key text or null: only the runs that it stands for.
-- Returns rows: id, status, namespace, name, version, key, created, started, ended, due, now
-- (microseconds since 1970 or null), reason. (A key is looked up workflow by workflow, by the whole
-- key: its index begins so.)
-- The id of a run has the time at which it was created, but that of a child has its parent's. So
-- children are read by an index of their own, and the others by their ids, no further back than a full
-- page of children reaches; within a millisecond children come last.
with cursor as materialized (
	select $6::uuid as id, max(r.created_at) as created_at,
		stepwell.first_id(date_trunc('milliseconds', max(r.created_at))) as place,
		timestamptz 'epoch' + interval '1 millisecond'
			* (1 + ('x0000' || left(replace($6::text, '-', ''), 12))::bit(64)::bigint) as until
	from stepwell.run r where r.id = $6::uuid and r.parent_run_id is not null
), children as materialized (
	select r.id, stepwell.first_id(date_trunc('milliseconds', r.created_at)) as place, r.created_at,
		r.started_at, r.ended_at, r.key, coalesce(r.status, l.state, 'pending') as status,
		d.namespace, d.name, d.version, l.started_at as begun_at, l.due, l.reason
	from stepwell.run r
	join stepwell.definition d on d.id = r.definition_id
	left join stepwell.lease l on l.run_id = r.id
	where r.parent_run_id is not null and $9::text is null
		and ($1::text[] is null or coalesce(r.status, l.state, 'pending') = any ($1::text[]))
		and ($2::text is null or d.namespace = $2::text) and ($3::text is null or d.name = $3::text)
		and ($4::text is null or d.version = $4::text)
		and ($5::timestamptz is null or r.created_at >= $5::timestamptz)
		and ($6::uuid is null or (r.created_at, r.id) < (select coalesce(c.created_at, c.until),
			case when c.created_at is null then uuid '00000000-0000-0000-0000-000000000000' else c.id end
			from cursor c))
		and ($8::uuid is null or r.parent_run_id = $8::uuid)
	order by r.created_at desc, r.id desc limit $7::int
), others as (
	select r.id, r.id as place, r.created_at, r.started_at, r.ended_at, r.key,
		coalesce(r.status, l.state, 'pending') as status,
		d.namespace, d.name, d.version, l.started_at as begun_at, l.due, l.reason
	from stepwell.run r
	join stepwell.definition d on d.id = r.definition_id
	left join stepwell.lease l on l.run_id = r.id
	where r.parent_run_id is null and $8::uuid is null
		and r.id >= (select case when count(*) < $7::int then '00000000-0000-0000-0000-000000000000'
			else stepwell.first_id(date_trunc('milliseconds', min(c.created_at))) end from children c)
		and ($1::text[] is null or coalesce(r.status, l.state, 'pending') = any ($1::text[]))
		and ($2::text is null or d.namespace = $2::text) and ($3::text is null or d.name = $3::text)
		and ($4::text is null or d.version = $4::text)
		and ($5::timestamptz is null or (r.created_at >= $5::timestamptz
			and r.id >= stepwell.first_id(date_trunc('milliseconds', $5::timestamptz))))
		and ($6::uuid is null or r.id < (select coalesce(c.place, c.id) from cursor c))
		and ($9::text is null or r.id = any (array(select k.run_id
			from (select distinct n.namespace, n.name from stepwell.definition n) w
			cross join lateral (select s.run_id from stepwell.start_key s where s.namespace = w.namespace
				and s.name = w.name and s.key = $9::text offset 0) k)))
	order by r.id desc limit $7::int
)
select r.id, r.status, r.namespace, r.name, r.version, r.key,
	(extract(epoch from r.created_at) * 1000000)::bigint,
	(extract(epoch from coalesce(r.started_at, r.begun_at)) * 1000000)::bigint,
	(extract(epoch from r.ended_at) * 1000000)::bigint,
	case when isfinite(r.due) then (extract(epoch from r.due) * 1000000)::bigint end,
	(extract(epoch from clock_timestamp()) * 1000000)::bigint, r.reason
from (select * from children union all select * from others) r
order by r.place desc, r.created_at desc, r.id desc limit $7::int
