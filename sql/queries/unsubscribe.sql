-- What runs waited for is forgotten, and what was on its way to them. $1 run_id uuid[]; $2
-- whether the run has ended int4[] (0, 1).
with leaving as (
	select * from unnest($1::uuid[], $2::int4[]) as u (run_id, ended)
), undelivered as (
	delete from stepwell.delivery d using leaving u
	where d.run_id = u.run_id and (u.ended = 1 or not d.done)
)
delete from stepwell.subscription s using leaving u where s.run_id = u.run_id
