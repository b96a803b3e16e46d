-- Wakes idle workers for a run that was started, unless another one was just before it, in the
-- same 20 milliseconds: each NOTIFY takes a lock that all of the database share, and a worker
-- that was woken and finds something looks again. $1 run uuid. At most one row, without meaning.
select pg_notify('stepwell', '')
from (select ('x0000' || left(replace($1::text, '-', ''), 12))::bit(64)::bigint as ms) started
where not exists (select from stepwell.run r where r.id < $1::uuid
	and r.id >= (lpad(to_hex(ms - ms % 20), 12, '0') || repeat('0', 20))::uuid)
