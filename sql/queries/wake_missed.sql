-- Wakes runs that routing has found locked, as far as they are free by now. No parameters. Returns how
-- many.
with free as (
	select l.run_id from stepwell.lease l
	where l.run_id = any (array(select m.run_id from stepwell.missed m group by m.run_id
		order by random() limit 1000))
	order by l.run_id for update skip locked
), told as (
	update stepwell.lease l set woken = true, due = case when l.owner is null
		and l.state = 'waiting' then least(l.due, clock_timestamp()) else l.due end
	from free f where l.run_id = f.run_id and l.run_id = any (array(select run_id from free))
	returning l.run_id
), cleared as (
	delete from stepwell.missed m where m.run_id in (select run_id from free)
		or not exists (select from stepwell.lease l where l.run_id = m.run_id)
)
select count(*) from told
