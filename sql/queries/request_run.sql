-- Asks the owner of a run that has not ended to cancel or suspend it; a run that nobody owns
-- becomes due, so that a worker claims and handles it. $1 run uuid; $2 'cancel' or 'suspend'; $3 who
-- asks, text: it is noted in the run, with the role.
-- Returns whether a live worker owns it; no row when the run has ended (or is unknown), or is to
-- be cancelled and $2 is something else: an order of cancel stays.
with asked as (
	update stepwell.lease l set request = $2::text,
		due = case when owner is null then clock_timestamp() else due end
	where run_id = $1::uuid and (l.request is distinct from 'cancel' or $2::text = 'cancel')
	returning l.run_id, exists (select from stepwell.worker w where w.id = l.owner
		and w.expires_at > clock_timestamp()) as live
), noted as (
	update stepwell.run r set orders = stepwell.with_order(r.orders, $2::text, $3::text)
	from asked a where r.id = a.run_id
)
select live from asked
