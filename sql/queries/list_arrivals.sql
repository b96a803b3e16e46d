-- What is there for listeners, in the order of its places: at most 100 events for each. $1 run_id
-- uuid[]; $2 path text[]; $3 the place up to which each has read int8[] (null: as it was stored);
-- $4 text[]: a transaction id; events stored since are not waited for (null: all are). Returns for each
-- listener a row for each event, or one without: run_id, path, where it read from, `passed` as it
-- was stored, the place up to which this is all (null: there may be more); whether events
-- wait for their places that it may be told of by nobody; a transaction id for $4; place, octets.
with waits as materialized (
	select u.n, u.run_id, u.path, s.reference, s.key, s.type, s.source, s.subject, s.shape,
		coalesce(u.place, s.place, 0) as place, s.passed, u.since
	from unnest($1::uuid[], $2::text[], $3::int8[], $4::text[]) with ordinality
		as u (run_id, path, place, since, n)
	join stepwell.subscription s on s.run_id = u.run_id and s.path = u.path
	where s.run_id = any ($1::uuid[])
), asked as (
	select distinct on (n) n, run_id, path, place, passed, since from waits order by n
), youngest as (
	select case when count(*) = count(since) then min(age(since::xid8::xid)) else -1 end as age from asked
), unplaced as materialized (
	select e.type, e.source, e.subject, age(e.xmin) as age from stepwell.event e
	where not e.routed and e.tries < 5 and e.place is null and age(e.xmin) > (select age from youngest) limit 200
), pending as (
	select distinct w.n from waits w join unplaced e on (w.type is null or w.type = e.type)
		and (w.source is null or w.source = e.source) and (w.subject is null or w.subject = e.subject)
		and (w.since is null or e.age > age(w.since::xid8::xid))
), found as (
	select distinct w.n, f.place
	from waits w cross join lateral (
		(select e.place from stepwell.event e
			where w.shape is null and w.type is not null and e.type = w.type and e.place > w.place
				and (w.source is null or e.source = w.source)
				and (w.subject is null or e.subject = w.subject)
				and (select t.place from stepwell.taken t where t.run_id = w.run_id
					and t.reference = w.reference and t.place = e.place) is null
			order by e.place limit 100)
		union all
		(select e.place from stepwell.event e
			where w.shape is null and w.type is null and e.place > w.place
				and (w.source is null or e.source = w.source)
				and (w.subject is null or e.subject = w.subject)
				and (select t.place from stepwell.taken t where t.run_id = w.run_id
					and t.reference = w.reference and t.place = e.place) is null
			order by e.place limit 100)
		union all
		(select k.place from stepwell.event_key k
			where w.shape is not null and k.key = w.key and k.place > w.place
				and (select t.place from stepwell.taken t where t.run_id = w.run_id
					and t.reference = w.reference and t.place = k.place) is null
			order by k.place limit 100)
		union all
		(select e.place from stepwell.event_key k
			join stepwell.event e on e.source = k.source and e.id = k.id
			where w.shape is not null and k.key = w.key and k.place is null and e.place > w.place
				and (select t.place from stepwell.taken t where t.run_id = w.run_id
					and t.reference = w.reference and t.place = e.place) is null
			order by e.place limit 100)
	) f
), numbered as (
	select n, place, row_number() over (partition by n order by place) as r,
		count(*) over (partition by n) as count
	from found
)
select a.run_id, a.path, a.place, a.passed,
	case when coalesce(f.count, 0) < 100 then greatest(a.place, p.last) end,
	(select count(*) = 200 from unplaced) or a.n in (select n from pending),
	coalesce(a.since, pg_snapshot_xmax(pg_current_snapshot())::text),
	f.place, (select octet_length(e.event) from stepwell.event e where e.place >= f.place order by e.place limit 1)
from asked a cross join stepwell.event_place p
left join numbered f on f.n = a.n and f.r <= 100
order by a.n, f.place
