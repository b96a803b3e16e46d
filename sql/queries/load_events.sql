-- Kept events. $1 place int8[]. Returns place, event.
select e.place, e.event from stepwell.event e where e.place = any ($1::int8[])
