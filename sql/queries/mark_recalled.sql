-- Before children are cancelled: no start that was announced by an earlier entry counts from here
-- on. One that is being made holds the lease, and is seen by what cancels the children. $1 run_id
-- uuid[]; $2 seq int8[] of the entry.
update stepwell.lease l set recalled = u.seq
from unnest($1::uuid[], $2::int8[]) as u (run_id, seq)
where l.run_id = u.run_id and l.run_id = any ($1::uuid[])
