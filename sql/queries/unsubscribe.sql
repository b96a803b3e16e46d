-- What runs waited for is forgotten. $1 run_id uuid[].
delete from stepwell.subscription s using unnest($1::uuid[]) as u (run_id) where s.run_id = u.run_id
