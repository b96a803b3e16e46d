-- Suspended runs by reason. No parameters. Returns rows, the most first: reason or null, number,
-- one of the runs uuid.
select reason, count(*), (array_agg(run_id order by run_id))[1]
from stepwell.lease where state = 'suspended'
group by 1 order by 2 desc limit 5
