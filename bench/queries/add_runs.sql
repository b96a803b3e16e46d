-- Rows of runs that begin. $1 id uuid[]; $2 definition uuid; $3 key text[]; $4 input text;
-- $5 created_at timestamptz[].
insert into raw.run (id, definition_id, key, input, created_at)
select u.id, $2::uuid, u.key, $4::text, u.at
from unnest($1::uuid[], $3::text[], $5::timestamptz[]) as u (id, key, at)
