-- Asks the owner of a run that has not ended to cancel or suspend it; a run that nobody owns
-- becomes due, so that a worker claims and handles it. $1 run uuid; $2 'cancel' or 'suspend'.
-- Returns whether a live worker owns it; no row when the run has ended (or is unknown), or is to
-- be cancelled and $2 is something else: an order of cancel stays.
update stepwell.lease l set request = $2::text,
	due = case when owner is null then clock_timestamp() else due end
where run_id = $1::uuid and (l.request is distinct from 'cancel' or $2::text = 'cancel')
returning exists (select from stepwell.worker w where w.id = l.owner
	and w.expires_at > clock_timestamp())
