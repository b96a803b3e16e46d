-- Their parents know how these runs ended, or do not wait for them any more. $1 run_id uuid[].
update stepwell.run r set untold = null
where r.id = any ($1::uuid[]) and r.untold is not null
