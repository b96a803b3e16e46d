-- Runs by status: all that have not ended, and those that ended of the last 24 hours' starts.
-- No parameters. Returns rows: status text, number bigint.
select state, count(*) from stepwell.lease group by 1
union all
select status, count(*) from stepwell.run
where id >= stepwell.first_id(clock_timestamp() - interval '24 hours') and status is not null
group by 1
