-- Lets a run go that a process for suspects is to load first, since its definition was lost with
-- workers that compiled it. $1 run uuid; $2 its owner uuid.
update stepwell.lease set owner = null, state = 'pending', due = 'infinity', suspect_at = clock_timestamp(),
	losses = coalesce(losses, 0), deaths = coalesce(deaths, 0), company = coalesce(company, 64),
	reason = 'workers died of its definition: it waits for a process of its own'
where run_id = $1::uuid and owner = $2::uuid
