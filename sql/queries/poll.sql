-- What there is to do. $1 own worker uuid; $2 what it has text[]. Returns a row, or one for each
-- worker that is gone: when the next unowned run that this worker can run is due (microseconds from
-- now; null: none, or never); whether a run is owned by anybody or due for it, or there are events
-- that somebody was not told of; whether there are such events; the worker that is gone uuid or null, and
-- whether its lease has run out (else all its sessions have vanished under the same postmaster.
-- Those of steps do not count: a backend that computes does not see that its client is gone; nor
-- those behind a pooler, which outlive their clients. A process for suspects is the business of the
-- worker that has started it while that lives); the time before which no such run is due
-- (microseconds since 1970); whether a suspect waits for a process of its own; whether there are
-- events of which workers died, to be routed by such a process (they are no others: "such events").
with alive as materialized (
	select a.pid, a.backend_start from pg_stat_get_activity(null) a
), silent as (
	select w.id, w.parent, w.expires_at < clock_timestamp() as expired
	from stepwell.worker w
	where w.id <> $1::uuid and (w.expires_at < clock_timestamp() or (
		w.postmaster_started_at = pg_postmaster_start_time()
		and exists (select from stepwell.session s where s.worker_id = w.id and isfinite(s.backend_start))
		and not exists (select from stepwell.session s join alive a on a.pid = s.pid
			where s.worker_id = w.id and s.slot not like 'sql%'
				and (a.backend_start is null or a.backend_start = s.backend_start))))
), gone as (
	select s.id, s.expired from silent s
	where s.parent is null or s.parent in (select p.id from silent p)
		or not exists (select from stepwell.worker p where p.id = s.parent)
)
select (extract(epoch from n.due - n.now) * 1000000)::bigint,
	coalesce(n.due <= n.now, false) or n.unrouted or n.suspects or n.tried
		or exists (select from stepwell.lease l where l.owner is not null) as busy,
	n.unrouted, g.id, g.expired, (extract(epoch from least(n.due, n.now)) * 1000000)::bigint,
	n.suspects, n.tried
from (select (select l.due from stepwell.lease l where l.owner is null and l.due < 'infinity'
		and l.needs <@ $2::text[] order by l.due limit 1) as due,
	clock_timestamp() as now,
	exists (select from stepwell.lease l where l.owner is null and l.suspect_at <= (select clock_timestamp())
		and l.needs <@ $2::text[]) as suspects,
	exists (select from stepwell.event e where not e.routed and e.tries < 2)
		or exists (select from stepwell.missed) as unrouted,
	exists (select from stepwell.event e where not e.routed and e.tries > 1 and e.tries < 5) as tried) n
left join gone g on true
