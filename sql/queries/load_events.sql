-- Kept events. $1 place int8[]. Returns place, event. (In the order of their places, one by one: so there is
-- one index to find them by, also in a plan that was made while there were none.)
select e.place, e.event
from unnest($1::int8[]) as u (place)
cross join lateral (select t.place, t.event from stepwell.event t
	where t.place >= u.place order by t.place limit 1) e
where e.place = u.place
order by u.place
