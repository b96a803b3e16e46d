-- Events that nobody has been told of. No parameters. Returns one row: number, microseconds since
-- the oldest was stored (null: none).
select count(*), (extract(epoch from clock_timestamp() - min(at)) * 1000000)::bigint
from stepwell.event where not routed
