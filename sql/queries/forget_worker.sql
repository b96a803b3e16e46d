-- Deletes a worker that owns nothing any more, and its sessions. $1 worker uuid. Returns
-- whether it did.
with gone as (
	delete from stepwell.worker w where w.id = $1::uuid
		and not exists (select from stepwell.lease l where l.owner = w.id) returning w.id
), sessions as (
	delete from stepwell.session s using gone g where s.worker_id = g.id
)
select count(*) > 0 from gone
