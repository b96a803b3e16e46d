-- What runs waited for is forgotten. $1 run_id uuid[].
delete from stepwell.subscription where run_id = any ($1::uuid[])
