-- Lets a faulted or suspended run go on. $1 run uuid; $2 fresh stepId for the failed step
-- boolean; $3 force (re-send although the key window has passed) boolean. Returns one row with
-- the entry's seq, or none when the run is in another state, is to be cancelled, or somebody else
-- was first. $4 who asks, text: it is noted in the run, with the role. One that has not begun begins
-- at its time, which its last entry says.
with held as (
	select l.run_id from stepwell.lease l
	where l.run_id = $1::uuid and l.state = 'suspended' and l.owner is null
		and l.request is distinct from 'cancel' for update
), target as (
	select r.id, r.definition_id, r.started_at from stepwell.run r
	where r.id = $1::uuid and (r.status = 'faulted' or exists (select from held))
), leased as (
	insert into stepwell.lease as l (run_id, definition_id, due, state, needs, started_at)
	select t.id, t.definition_id, clock_timestamp(), 'pending', d.needs, t.started_at
	from target t join stepwell.definition d on d.id = t.definition_id
	on conflict (run_id) do update set due = greatest(clock_timestamp(), case when l.started_at is null then (
			select 'epoch'::timestamptz + (j.data::json -> 0 ->> 'due')::bigint * interval '1 microsecond'
			from stepwell.entry j where j.run_id = l.run_id order by j.seq desc limit 1) end), state = 'pending', reason = null,
		request = null, deaths = 0, lost_seq = case when l.losses > 0 then (select max(seq) + 1
			from stepwell.entry j where j.run_id = l.run_id) end where l.state = 'suspended' and l.owner is null
			and l.request is distinct from 'cancel'
	returning l.run_id
), reopened as (
	update stepwell.run r set status = null, error = null, output = null, ended_at = null,
		orders = stepwell.with_order(r.orders, 'retry', $4::text)
	from leased l where r.id = l.run_id returning r.id
)
insert into stepwell.entry (run_id, seq, at, kind, data)
select r.id, (select max(seq) + 1 from stepwell.entry j where j.run_id = r.id),
	clock_timestamp(), 'retried', '[{"op":"retried"'
	|| case when $2::boolean then ',"newId":true' else '' end
	|| case when $3::boolean then ',"force":true' else '' end || '}]'
from reopened r
returning seq
