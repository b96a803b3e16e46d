-- Takes runs: appends `claimed` at last + 1 and moves the lease, in one statement; a run whose
-- append collides is left alone. (A lost `call: sql` is taken back by a `waiting` with "again":
-- that is no progress.) $1 worker uuid; $2 limit int; $3 what the worker has text[];
-- $4 how many suspects it may take int; $5 from where text: 'due' (unowned and due), 'dead'
-- (owned by worker $6), 'own' (mine, the runs $7 uuid[]; after a lost connection); $8 the time before
-- which nothing was due when it was looked last: where old snapshots are held, the index is full of
-- dead rows before it.
-- (The time is a subquery, so that it bounds the index scan: what sleeps is not walked through.)
-- Returns a row per run taken: run_id, seq of its claimed entry, losses since its last
-- progress, request, definition_id, input (null: it is large, and read with the journal), created_at
-- and started_at (microseconds since 1970), suspect boolean. A lease whose run or journal is not there
-- is suspended instead; its row has no seq.
with due as (
	select run_id, definition_id, request, started_at from stepwell.lease
	where $5::text = 'due' and owner is null and due between $8::timestamptz and (select clock_timestamp())
		and needs <@ $3::text[]
	order by due limit $2 for update skip locked
), dead as (
	select run_id, definition_id, request, started_at from stepwell.lease
	where $5::text = 'dead' and owner = $6::uuid and needs <@ $3::text[]
	order by random() limit $2 for update skip locked
), own as (
	select run_id, definition_id, request, started_at from stepwell.lease
	where $5::text = 'own' and owner = $1::uuid and run_id = any ($7::uuid[])
	order by run_id for update
), candidate as (
	select * from due union all select * from dead union all select * from own
), counted as (
	select c.*, case when r.id is not null then t.last end as last, r.input, r.created_at, t.losses + case when $5::text = 'dead' then 1 else 0 end
		- case when $5::text = 'dead' and t.losses = 2 and not t.was_suspect then 1 else 0 end
		as losses
	from candidate c
	left join lateral (select r.id, r.input, r.created_at from stepwell.run r
		where r.id = c.run_id limit 1) r on true
	cross join lateral (
		select max(seq) as last, count(*) filter (where loss and seq > progress) as losses,
			coalesce(bool_or(suspect and seq = last_claim), false) as was_suspect
		from (
			select seq, kind = 'claimed' and data like '%"loss":true%' as loss,
				kind = 'claimed' and data like '%"suspect":true%' as suspect,
				max(seq) filter (where kind = 'claimed') over () as last_claim,
				coalesce(max(seq) filter (where kind not in
					('claimed', 'lost', 'started', 'frames', 'created') and not (kind = 'waiting'
						and split_part(data, '}', 1) like '%"again":true')) over (), 0) as progress
			from (select seq, kind, data from stepwell.entry j where j.run_id = c.run_id
				order by seq desc limit 16) newest
		) marked
	) t
), chosen as (
	select * from (select counted.*, losses >= 2 as suspect,
		row_number() over (partition by losses >= 2) as rank from counted) ranked
	where last is not null and (not suspect or $5::text = 'own' or rank <= $4::int)
), baseless as (
	update stepwell.lease l set owner = null, state = 'suspended', due = 'infinity',
		reason = 'its journal is not there'
	where l.run_id = any (array(select run_id from counted where last is null))
	returning l.run_id
), appended as (
	insert into stepwell.entry (run_id, seq, at, kind, data)
	select run_id, last + 1, clock_timestamp(), 'claimed', '[{"op":"claimed","worker":"' || $1::text
		|| '"' || case when $5::text = 'dead' then ',"loss":true' else '' end
		|| case when suspect then ',"suspect":true' else '' end || '}]'
	from chosen order by run_id
	on conflict do nothing
	returning run_id, seq
), moved as (
	update stepwell.lease l set owner = $1::uuid, state = 'running', reason = null, woken = false,
		started_at = coalesce(l.started_at, clock_timestamp())
	where l.run_id = any (array(select run_id from appended))
	returning l.run_id, l.started_at
)
select a.run_id, a.seq, c.losses, c.request, c.definition_id,
	case when octet_length(c.input) <= 16384 then c.input end,
	(extract(epoch from c.created_at) * 1000000)::bigint,
	(extract(epoch from m.started_at) * 1000000)::bigint, c.suspect
from appended a
join moved m on m.run_id = a.run_id
join chosen c on c.run_id = a.run_id
union all select run_id, null, 0, null, null, null, null, null, false from baseless
