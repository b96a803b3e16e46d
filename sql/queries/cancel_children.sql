-- Asks the runs that were started below a task, and are waited for, to be cancelled, and notes
-- that it was their parent's doing. $1 run_id uuid[]; $2 path text[] of each run's task ('': of
-- any).
with asked as (
	update stepwell.lease l set request = 'cancel',
		due = case when l.owner is null then clock_timestamp() else l.due end
	from unnest($1::uuid[], $2::text[]) as u (run_id, path)
	join stepwell.run r on r.parent_run_id = u.run_id
	where l.run_id = r.id and r.awaited and r.status is null
		and starts_with(r.parent_path, u.path)
		and substr(r.parent_path, length(u.path) + 1, 1) in ('', '/', '[', '!')
	returning l.run_id
)
update stepwell.run r set recalled = true
where r.id = any (array(select run_id from asked)) and r.recalled is null
