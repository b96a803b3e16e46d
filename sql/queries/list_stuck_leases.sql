-- Runs that nobody moves on. No parameters. Returns rows: kind ('orphan': its owner is no worker
-- of the pool, 'expired': its owner has not been seen for its lease and 10 s more, 'due': due for
-- 10 s without an owner, 'baseless': its run or its journal is not there; the oldest are looked at,
-- among which those of dropped weeks are; 'suspect': it waits for a process of its own for 10 s;
-- 'restless': more than five of its workers died, the last one within the hour), what it needs, number, the longest wait in microseconds or null, one of
-- the runs uuid.
select kind, array_to_string(needs, ', '), count(*),
	(extract(epoch from max(clock_timestamp() - since)) * 1000000)::bigint,
	(array_agg(run_id order by since))[1]
from (
	select 'orphan' as kind, l.run_id, '{}'::text[] as needs, null::timestamptz as since
	from stepwell.lease l
	where l.owner is not null
		and not exists (select from stepwell.worker w where w.id = l.owner)
	union all
	select 'baseless', l.run_id, '{}', null
	from (select run_id from stepwell.lease order by run_id limit 10000) l
	where not exists (select from stepwell.run r where r.id = l.run_id)
		or not exists (select from stepwell.entry e where e.run_id = l.run_id)
	union all
	select 'expired', l.run_id, '{}', w.expires_at
	from stepwell.lease l join stepwell.worker w on w.id = l.owner
	where w.expires_at < clock_timestamp() - interval '10 seconds'
	union all
	select 'due', l.run_id, l.needs, l.due
	from stepwell.lease l
	where l.owner is null and l.due <= clock_timestamp() - interval '10 seconds'
	union all
	select 'suspect', l.run_id, l.needs, l.suspect_at
	from stepwell.lease l
	where l.owner is null and l.suspect_at <= clock_timestamp() - interval '10 seconds'
	union all
	select 'restless', l.run_id, '{}', l.lost_at
	from stepwell.lease l
	where l.losses > 5 and l.lost_at > clock_timestamp() - interval '1 hour' and l.state <> 'suspended'
) stuck
group by 1, 2 order by 1, 3 desc
