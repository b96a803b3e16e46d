-- What was on its way to runs that do not wait for it any more is forgotten; a statement after
-- the one that took their subscriptions away, so that it sees what was delivered until then.
-- $1 run_id uuid[]; $2 whether the run is over for good int4[] (0, 1): what it took is forgotten, too.
delete from stepwell.delivery d using unnest($1::uuid[], $2::int4[]) as u (run_id, over)
where d.run_id = u.run_id and (u.over = 1 or not d.done)
