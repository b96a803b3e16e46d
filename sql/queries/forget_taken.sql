-- What runs took that are over for good is forgotten. $1 run_id uuid[].
delete from stepwell.taken where run_id = any ($1::uuid[])
