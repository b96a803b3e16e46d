-- The newest run that was not started by another. No parameters. Returns id uuid, or no row.
select id from stepwell.run where parent_run_id is null order by id desc limit 1
