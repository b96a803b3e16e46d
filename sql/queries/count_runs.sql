-- Runs by status: all that have not ended, and those that ended of the last 24 hours' runs: of children
-- by when they were created, since their ids have their parents' time.
-- No parameters. Returns rows: status text, number bigint.
select state, count(*) from stepwell.lease group by 1
union all
select status, count(*) from (
	select status from stepwell.run where parent_run_id is null
		and id >= (select stepwell.first_id(clock_timestamp() - interval '24 hours'))
	union all
	select status from stepwell.run where parent_run_id is not null
		and created_at >= (select clock_timestamp() - interval '24 hours')
) r where status is not null group by 1
