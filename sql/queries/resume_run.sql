-- Lets a suspended run go on, and takes back an order to suspend that is not obeyed yet. $1 run
-- uuid. Returns one row with the entry's seq, 0 for an order that was taken back, or none when
-- the run is neither, or is to be cancelled. A suspect stays one; its deaths are forgotten,
-- and those of its definition. The owner hears that its run was woken; suspend_leases.sql is for
-- one that obeys meanwhile. One that has not begun begins at its time, which its last entry says.
-- $2 who asks, text: it is noted in the run, with the role.
with held as (
	select l.run_id from stepwell.lease l
	where l.run_id = $1::uuid and l.state = 'suspended' and l.owner is null
		and l.request is distinct from 'cancel' for update
), released as (
	update stepwell.lease l set due = greatest(clock_timestamp(), case when l.started_at is null then (
			select 'epoch'::timestamptz + (j.data::json -> 0 ->> 'due')::bigint * interval '1 microsecond'
			from stepwell.entry j where j.run_id = l.run_id order by j.seq desc limit 1) end), state = 'pending', reason = null,
		request = null, deaths = 0, lost_seq = case when l.losses > 0 then (select max(seq) + 1
			from stepwell.entry j where j.run_id = l.run_id) end
	from held h where l.run_id = h.run_id
	returning l.run_id, l.definition_id
), again as (
	update stepwell.compiling c set deaths = 0 from released l
	where c.definition_id = l.definition_id and c.deaths > 0
), withdrawn as (
	update stepwell.lease l set request = null, woken = l.woken or l.owner is not null
	where l.run_id = $1::uuid and l.request = 'suspend'
		and (l.state <> 'suspended' or l.owner is not null)
	returning l.run_id
), noted as (
	update stepwell.run r set orders = stepwell.with_order(r.orders, 'resume', $2::text)
	where r.id in (select run_id from released union all select run_id from withdrawn)
), added as (
	insert into stepwell.entry (run_id, seq, at, kind, data)
	select r.run_id, (select max(seq) + 1 from stepwell.entry j where j.run_id = r.run_id),
		clock_timestamp(), 'resumed', '[{"op":"resumed"}]'
	from released r
	returning seq
)
select seq from added union all select 0 from withdrawn
