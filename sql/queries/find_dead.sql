-- Workers that are gone: their lease has run out, or all their sessions have vanished under
-- the same postmaster. (Not those of steps: a backend that computes does not see that its
-- client is gone.) $1 own worker uuid. Returns id uuid, expired boolean.
select w.id, w.expires_at < clock_timestamp()
from stepwell.worker w
where w.id <> $1::uuid and (w.expires_at < clock_timestamp() or (
	w.postmaster_started_at = pg_postmaster_start_time()
	and exists (select from stepwell.session s where s.worker_id = w.id)
	and not exists (
		select from stepwell.session s
		join lateral pg_stat_get_activity(s.pid) a on true
		where s.worker_id = w.id and s.slot not like 'sql%' and (a.backend_start is null or a.backend_start = s.backend_start))))
