-- Gives events their places, and wakes those who wait for them; a statement after the one that locked
-- the places, so that it sees what others have routed, and who has begun to listen. It waits for no
-- run: whoever holds a lease must not keep events from others. $1 source text[];
-- $2 id text[]. What their correlations came to: $3 source text[]; $4 id text[]; $5 shape text[];
-- $6 expected text[]: the values that its expressions gave; $7 base text[] (hex). Returns how many
-- events were routed and how many runs woken.
with fresh as (
	select e.source, e.id, row_number() over (order by e.at, e.source, e.id) as n
	from unnest($1::text[], $2::text[]) as u (source, id)
	join stepwell.event e on e.source = u.source and e.id = u.id
	where not e.routed
), given as (
	update stepwell.event_place p set last = p.last + f.count
	from (select count(*) from fresh) f where f.count > 0
	returning p.last - f.count as before
), routed as (
	update stepwell.event e set routed = true, place = coalesce(e.place, g.before + f.n)
	from fresh f, given g
	where e.source = f.source and e.id = f.id and not e.routed
	returning e.source, e.id, e.type, e.subject, e.at, e.place
), shaped as (
	select stepwell.event_key(h.type, h.source, h.subject, u.shape, u.expected) as key, r.source,
		r.id, r.at, r.place
	from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
		as u (source, id, shape, expected, base)
	join routed r on r.source = u.source and r.id = u.id
	cross join lateral (
		select t as type, s as source, b as subject
		from unnest(array[r.type, null]) t, unnest(array[r.source, null]) s,
			unnest(array[r.subject, null]) b
		where stepwell.event_key(t, s, b) = decode(u.base, 'hex') limit 1) h
), stored as (
	insert into stepwell.event_key as k (key, source, id, at, place)
	select distinct key, source, id, at, place from shaped order by 1, 2, 3
	on conflict (source, id, key) do update set place = excluded.place where k.place is null
), keyed as (
	select unnest(stepwell.event_keys(type, source, subject)) as key, source, id, at from routed
	union
	select key, source, id, at from shaped
	union
	select k.key, r.source, r.id, r.at from routed r
	join stepwell.event_key k on k.source = r.source and k.id = r.id
), matched as (
	select s.run_id, s.reference, s.path, k.source, k.id, k.at
	from keyed k join stepwell.subscription s on s.key = k.key
), waiting as (
	select l.run_id from stepwell.lease l
	where l.run_id in (select run_id from matched) order by l.run_id for update skip locked
), missed as ( -- somebody holds their leases: wake_missed comes back to them
	insert into stepwell.missed (run_id)
	select l.run_id from stepwell.lease l
	where l.run_id in (select run_id from matched) and l.run_id not in (select run_id from waiting)
	returning run_id
), told as (
	update stepwell.lease l set woken = true, due = case when l.owner is null
		and l.state = 'waiting' then least(l.due, clock_timestamp()) else l.due end
	from waiting w where l.run_id = w.run_id
	returning l.run_id
), told_before as ( -- workers of the version before read what they find here
	insert into stepwell.delivery (run_id, reference, source, id, path, at)
	select m.run_id, m.reference, m.source, m.id, m.path, m.at
	from matched m join (select run_id from waiting union all select run_id from missed) w
		on w.run_id = m.run_id
	where exists (select from stepwell.worker v where not v.by_place)
	order by 1, 2, 3, 4
	on conflict do nothing
)
select (select count(*) from routed), (select count(*) from told)
