-- Offers kept events to listeners that have not looked at them. $1 run_id uuid[]. What was told
-- meanwhile to an earlier pass of the same task is for the one that listens now.
with new as (
	update stepwell.subscription s set looked = true
	where s.run_id = any ($1::uuid[]) and not s.looked
	returning s.run_id, s.path, s.reference, s.key, s.type, s.source, s.subject, s.shape
)
insert into stepwell.delivery as d (run_id, reference, source, id, path, at)
select distinct on (1, 2, 3, 4) * from (
select n.run_id, n.reference, e.source, e.id, n.path, e.at from new n
join stepwell.event e on e.type = n.type and (n.source is null or e.source = n.source)
	and (n.subject is null or e.subject = n.subject)
where n.shape is null and n.type is not null
union
select n.run_id, n.reference, e.source, e.id, n.path, e.at from new n
join stepwell.event e on (n.source is null or e.source = n.source)
	and (n.subject is null or e.subject = n.subject)
where n.shape is null and n.type is null
union
select n.run_id, n.reference, k.source, k.id, n.path, k.at from new n
join stepwell.event_key k on k.key = n.key
where n.shape is not null
) offer
on conflict (run_id, reference, source, id) do update set path = excluded.path
	where not d.done and d.path <> excluded.path
