-- Takes the runs of a process for suspects that has ended: each waits for another one, or, where that
-- was the last death of several of a process that had it alone, is suspended. $1 the worker that had
-- started it uuid; $2 the process, as a worker uuid; $3 how it died, a JSON object, or null; $4 whether
-- that is a loss boolean; $5 whether it is evidence boolean; $6 how many of these suspend a run int (0:
-- never); $7 the reason text; $8 how many runs were in it int; $9 microseconds until the next one
-- bigint. Without a loss nothing was done: its claim and this one are no entries by which it got on. After
-- many deaths that prove nothing, the next process comes later each time.
-- Returns rows: run_id, whether it was suspended.
with mine as (
	select * from stepwell.lease where owner = $2::uuid order by run_id for update
), judged as (
	select m.*, (select j.seq from stepwell.entry j where j.run_id = m.run_id order by j.seq desc limit 1)
		as last, coalesce(m.deaths, 0) + $5::boolean::int as count,
		$6::int > 0 and $5::boolean and coalesce(m.deaths, 0) + 1 >= $6::int as over
	from mine m
), appended as (
	insert into stepwell.entry (run_id, seq, at, kind, data)
	select run_id, last + 1, clock_timestamp(), 'claimed', '[{"op":"claimed","worker":"' || $1::text || '"'
		|| case when $4::boolean then ',"loss":true' else '' end || ',"suspect":true'
		|| coalesce(',"death":' || $3::text, '') || case when $5::boolean then ',"evidence":true' else '' end || '}]'
	from judged order by run_id
	on conflict do nothing
	returning run_id, seq
), ended as (
	insert into stepwell.entry (run_id, seq, at, kind, data)
	select a.run_id, a.seq + 1, clock_timestamp(), 'suspended',
		'[{"op":"suspended","reason":' || to_json($7::text)::text || '}]'
	from appended a join judged j on j.run_id = a.run_id where j.over
)
update stepwell.lease l set owner = null, state = case when j.over then 'suspended' else 'pending' end,
	reason = case when j.over then $7::text when not $4::boolean then 'waits for a process of its own'
		else 'its process died: it waits for another one' end,
	due = case when j.over and l.request = 'cancel' then clock_timestamp() else 'infinity' end,
	request = case when j.over then nullif(l.request, 'suspend') else l.request end,
	suspect_at = case when not j.over then clock_timestamp() + $9::bigint * interval '1 microsecond'
		+ case when $4::boolean and l.losses > 8 then least(interval '1 hour',
			interval '1 second' * power(2, least(l.losses - 8, 12))) else interval '0' end end,
	losses = coalesce(l.losses, 0) + $4::boolean::int, lost_at = case when $4::boolean then clock_timestamp() else l.lost_at end,
	lost_seq = case when $4::boolean then j.last + 1 else l.lost_seq + 2 end, deaths = j.count,
	company = case when $4::boolean then greatest(1, least(l.company, $8::int) / 2) else l.company end
from judged j
where l.run_id = j.run_id and l.run_id = any (array(select run_id from appended))
returning l.run_id, j.over
