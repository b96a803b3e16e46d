-- What there is to do. $1 own worker uuid; $2 what it has text[]. Returns a row, or one for each
-- worker that is gone: when the next unowned run that this worker can run is due (microseconds from
-- now; null: none, or never); how many runs, at most 2, are owned by anybody or due for it, or
-- events that nobody was told of; whether there are such events; the worker that is gone uuid or
-- null, and whether its lease has run out (else all its sessions have vanished under the same
-- postmaster. Those of steps do not count: a backend that computes does not see that its client
-- is gone; nor those behind a pooler, which outlive their clients).
with alive as materialized (
	select a.pid, a.backend_start from pg_stat_get_activity(null) a
), gone as (
	select w.id, w.expires_at < clock_timestamp() as expired
	from stepwell.worker w
	where w.id <> $1::uuid and (w.expires_at < clock_timestamp() or (
		w.postmaster_started_at = pg_postmaster_start_time()
		and exists (select from stepwell.session s where s.worker_id = w.id and isfinite(s.backend_start))
		and not exists (select from stepwell.session s join alive a on a.pid = s.pid
			where s.worker_id = w.id and s.slot not like 'sql%'
				and (a.backend_start is null or a.backend_start = s.backend_start))))
)
select n.due, n.busy, n.unrouted, g.id, g.expired
from (select (select (extract(epoch from l.due - clock_timestamp()) * 1000000)::bigint
		from stepwell.lease l where l.owner is null and l.due < 'infinity' and l.needs <@ $2::text[]
		order by l.due limit 1) as due,
	(select count(*) from (select from stepwell.lease l where l.owner is not null
		union all select from stepwell.lease l where l.owner is null
		and l.due <= (select clock_timestamp())
		and l.needs <@ $2::text[]
		union all select from stepwell.event e where not e.routed limit 2) busy) as busy,
	exists (select from stepwell.event e where not e.routed) as unrouted) n
left join gone g on true
