-- Tells those who wait for events, once for each event. Leases are locked first: a run that ends
-- at the same time has taken its row away, or sees what was delivered. $1 source text[]; $2 id text[].
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
), matched as (
	select s.run_id, s.reference, k.source, k.id, s.path, k.at
	from keyed k join stepwell.subscription s on s.key = k.key
), waiting as (
	select l.run_id from stepwell.lease l
	where l.run_id in (select run_id from matched) order by l.run_id for update
), delivered as (
	insert into stepwell.delivery (run_id, reference, source, id, path, at)
	select m.run_id, m.reference, m.source, m.id, m.path, m.at
	from matched m join waiting w on w.run_id = m.run_id
	order by 1, 2, 3, 4
	on conflict do nothing
	returning run_id
), told as (
	update stepwell.lease l set woken = true, due = case when l.owner is null
		and l.state = 'waiting' then least(l.due, clock_timestamp()) else l.due end
	from (select distinct run_id from delivered) d where l.run_id = d.run_id
	returning l.run_id
)
select (select count(*) from routed), (select count(*) from told)
