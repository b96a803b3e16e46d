-- Tells those who wait for events, once for each event. $1 source text[]; $2 id text[].
-- Returns how many events were told and how many runs woken.
with routed as (
	update stepwell.event e set routed = true
	from unnest($1::text[], $2::text[]) as u (source, id)
	where e.source = u.source and e.id = u.id and not e.routed
	returning e.source, e.id, e.type, e.subject, e.at
), keyed as (
	select source, id, at, unnest(stepwell.event_keys(type, source, subject)) as key from routed
	union all
	select r.source, r.id, r.at, k.key from routed r
	join stepwell.event_key k on k.source = r.source and k.id = r.id
), delivered as (
	insert into stepwell.delivery (run_id, reference, source, id, path, at)
	select s.run_id, s.reference, k.source, k.id, s.path, k.at
	from keyed k join stepwell.subscription s on s.key = k.key
	order by 1, 2, 3, 4
	on conflict do nothing
	returning run_id
), woken as (
	select l.run_id from stepwell.lease l
	where l.run_id in (select run_id from delivered) order by l.run_id for update
), told as (
	update stepwell.lease l set woken = true, due = case when l.owner is null
		and l.state = 'waiting' then least(l.due, clock_timestamp()) else l.due end
	from woken w where l.run_id = w.run_id
	returning l.run_id
)
select (select count(*) from routed), (select count(*) from told)
