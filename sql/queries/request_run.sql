-- Asks the owner of a run that has not ended to cancel or suspend it; a run that nobody owns
-- becomes due, so that a worker claims and handles it. $1 run uuid; $2 'cancel' or 'suspend'; $3 who
-- asks, text: it is noted in the run, with the role. One that nobody has claimed yet is suspended here;
-- its entry says when it is to begin, for resume_run.sql and retry_run.sql.
-- Returns whether a live worker owns it; no row when the run has ended (or is unknown), or is to
-- be cancelled and $2 is something else: an order of cancel stays.
with found as (
	select l.run_id, l.due, l.state, l.owner is null and l.started_at is null and l.suspect_at is null
		and $2::text = 'suspend' as is_new
	from stepwell.lease l
	where l.run_id = $1::uuid and (l.request is distinct from 'cancel' or $2::text = 'cancel') for update
), asked as (
	update stepwell.lease l set request = case when f.is_new then null else $2::text end,
		state = case when f.is_new then 'suspended' else l.state end,
		reason = case when f.is_new then 'an operator asked for it' else l.reason end,
		due = case when f.is_new then 'infinity' when l.owner is null then clock_timestamp() else l.due end
	from found f where l.run_id = f.run_id
	returning l.run_id, exists (select from stepwell.worker w where w.id = l.owner
		and w.expires_at > clock_timestamp()) as live
), noted as (
	update stepwell.run r set orders = stepwell.with_order(r.orders, $2::text, $3::text)
	from asked a where r.id = a.run_id
), added as (
	insert into stepwell.entry (run_id, seq, at, kind, data)
	select f.run_id, (select max(seq) + 1 from stepwell.entry j where j.run_id = f.run_id),
		clock_timestamp(), 'suspended', '[{"op":"suspended"' || case when isfinite(f.due)
			then ',"due":' || (extract(epoch from f.due) * 1000000)::bigint else '' end
		|| ',"reason":"an operator asked for it"}]'
	from found f where f.is_new and f.state <> 'suspended'
)
select live from asked
