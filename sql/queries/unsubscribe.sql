-- What listeners waited for is forgotten. $1 run_id uuid[]; $2 path text[] (null: all of the run's).
delete from stepwell.subscription s using unnest($1::uuid[], $2::text[]) as u (run_id, path)
where s.run_id = any ($1::uuid[]) and s.run_id = u.run_id and (u.path is null or s.path = u.path)
