-- Forgets events that were kept long enough, some at a time, and that they were taken.
with old as (
	select e.source, e.id from stepwell.event e
	where e.at < (select clock_timestamp()) - stepwell.event_retention() and e.routed
	order by e.at limit 1000 for update skip locked
), keys as (
	delete from stepwell.event_key k where k.ctid = any (array(select t.ctid
		from stepwell.event_key t where t.at < (select clock_timestamp()) - stepwell.event_retention()
		order by t.at limit 2000))
), takings as (
	delete from stepwell.taken k where k.ctid = any (array(select t.ctid from stepwell.taken t
		where t.place < coalesce((select min(e.place) from stepwell.event e),
			(select p.last + 1 from stepwell.event_place p))
		order by t.place limit 2000))
), deliveries as (
	delete from stepwell.delivery d where d.ctid = any (array(select t.ctid
		from stepwell.delivery t where t.at < (select clock_timestamp()) - stepwell.event_retention()
			- interval '1 day' order by t.at limit 2000))
)
delete from stepwell.event e using old o where e.source = o.source and e.id = o.id
