-- Leases of runs that begin. $1 run_id uuid[]; $2 definition uuid; $3 due timestamptz[].
insert into raw.lease (run_id, definition_id, due)
select u.run_id, $2::uuid, u.due from unnest($1::uuid[], $3::timestamptz[]) as u (run_id, due)
