-- Takes runs: appends `claimed` at last + 1 and moves the lease, in one statement; a run whose
-- append collides is left alone. $1 worker uuid; $2 limit int; $3 what the worker has text[];
-- $4 from where text: 'due' (unowned and due), 'dead' (owned by worker $5), 'own' (mine, the runs
-- $6 uuid[]; after a lost connection), 'suspect' (waiting for a process of its own, which $1 is and
-- for which worker $5 takes them: as many as may be together); $7 the time before which nothing was
-- due when it was looked last: where old snapshots are held, the index is full of dead rows before it.
-- A run that is taken from the dead has a loss more, unless that worker let its runs go, or never was
-- there: a process for suspects that could not connect, or a claim that was committed when its worker
-- had been forgotten. Two make it a suspect for the next entries, more of them with each loss. One loss is forgotten per 10
-- minutes and 256 entries without one. Where a run is due or taken from the dead and is a suspect,
-- it is put where it waits for a process of its own, and its row says so.
-- (generate_series is one row of which the planner expects many: no join by nested loops.)
-- (The time is a subquery, so that it bounds the index scan: what sleeps is not walked through.)
-- Returns a row per run: run_id, seq of its claimed entry, the entry from which it is no suspect
-- any more or null, request, definition_id, input (null: it is large, and read with the journal),
-- created_at and started_at (microseconds since 1970), whether it waits for a process of its own. A lease whose run or journal is not there is
-- suspended instead; its row has no seq and does not wait.
with due as (
	select run_id, definition_id, request, losses, lost_at, lost_seq from stepwell.lease
	where $4::text = 'due' and owner is null and due between $7::timestamptz and (select clock_timestamp())
		and needs <@ $3::text[]
	order by due limit $2 for update skip locked
), dead as (
	select run_id, definition_id, request, losses, lost_at, lost_seq from stepwell.lease
	where $4::text = 'dead' and owner = $5::uuid and needs <@ $3::text[]
	order by random() limit $2 for update skip locked
), own as (
	select run_id, definition_id, request, losses, lost_at, lost_seq from stepwell.lease
	where $4::text = 'own' and owner = $1::uuid and run_id = any ($6::uuid[])
	order by run_id for update
), first as (
	select least(coalesce(company, 64), $2::int) as company from stepwell.lease
	where $4::text = 'suspect' and owner is null and suspect_at <= (select clock_timestamp())
		and needs <@ $3::text[]
	order by suspect_at limit 1
), suspect as (
	select run_id, definition_id, request, losses, lost_at, lost_seq from stepwell.lease
	where $4::text = 'suspect' and owner is null and suspect_at <= (select clock_timestamp())
		and needs <@ $3::text[] and coalesce(company, 64) >= (select company from first)
	order by suspect_at limit (select company from first) for update skip locked
), candidate as (
	select * from due union all select * from dead union all select * from own
	union all select * from suspect
), chosen as (
	select run_id, definition_id, request, input, created_at, last, loss, count, until,
		$4::text in ('due', 'dead') and coalesce(last < until, false) as waits
	from (
		select t.*, case when count >= 2 then case when loss then last + 1 else lost_seq end
			+ least(256, 4 << least(count - 1, 6)) end as until
		from (
			select c.*, r.input, r.created_at, j.seq as last, l.loss,
				greatest(0, c.losses - coalesce(least((j.seq - c.lost_seq) / 256,
				extract(epoch from clock_timestamp() - c.lost_at)::bigint / 600), 0))::int + l.loss::int as count
			from candidate c cross join generate_series(1, (select 1)) many
			cross join (select $4::text = 'dead' and coalesce((select not w.released and w.pid > 0
				from stepwell.worker w where w.id = $5::uuid), false) as loss) l
			left join lateral (select r.id, case when octet_length(r.input) <= 16384 then r.input end as input,
				r.created_at from stepwell.run r where r.id = c.run_id limit 1) r on true
			left join lateral (select j.seq from stepwell.entry j
				where r.id is not null and j.run_id = c.run_id order by j.seq desc limit 1) j on true
			offset 0
		) t
	) u
), baseless as (
	update stepwell.lease l set owner = null, state = 'suspended', due = 'infinity', suspect_at = null,
		reason = 'its journal is not there'
	where l.run_id = any (array(select run_id from chosen where last is null))
	returning l.run_id
), appended as (
	insert into stepwell.entry (run_id, seq, at, kind, data)
	select run_id, last + 1, clock_timestamp(), 'claimed', (select '[{"op":"claimed","worker":"'
		|| case $4::text when 'suspect' then $5::uuid else $1::uuid end || '"')
		|| case when loss then ',"loss":true' else '' end
		|| case when until is not null then ',"suspect":true' else '' end || '}]'
	from chosen where last is not null and not (waits and $4::text = 'due') order by run_id
	on conflict do nothing
	returning run_id
), moved as (
	update stepwell.lease l set owner = case when not c.waits then $1::uuid end,
		state = case when c.waits then 'pending' else 'running' end,
		reason = case when c.waits then 'its workers died: it waits for a process of its own' end,
		woken = false, due = case when c.waits then 'infinity' else l.due end,
		suspect_at = case when c.waits then clock_timestamp() end,
		losses = nullif(c.count, 0), lost_at = case when c.loss then clock_timestamp()
			else l.lost_at + (l.losses - c.count) * interval '600 seconds' end,
		lost_seq = case when c.loss then c.last + 1 else l.lost_seq end,
		deaths = case when c.count > 0 then coalesce(l.deaths, 0) end,
		company = case when c.count > 0 then coalesce(l.company, 64) end,
		started_at = coalesce(l.started_at, clock_timestamp())
	from chosen c
	where l.run_id = c.run_id and l.run_id = any (array(select run_id from appended
		union all select run_id from chosen where waits and $4::text = 'due'))
	returning c.run_id, c.last, c.until, c.request, c.definition_id, c.input, c.created_at, l.started_at, c.waits
)
select run_id, case when not (waits and $4::text = 'due') then last + 1 end, until, request, definition_id,
	input, (date_part('epoch', created_at) * 1000000)::bigint,
	(date_part('epoch', started_at) * 1000000)::bigint, waits
from moved
union all select run_id, null, null, null, null, null, null, null, false from baseless
