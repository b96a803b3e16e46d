-- Moves leases. $1 run_id uuid[]; $2 owner uuid; $3 started_at timestamptz[].
update raw.lease l set owner = $2::uuid, state = 'running', started_at = u.at
from unnest($1::uuid[], $3::timestamptz[]) as u (run_id, at) where l.run_id = u.run_id
