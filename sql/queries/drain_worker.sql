-- A worker is about to leave, and so are the processes for suspects that it has started: should one not
-- give its runs back in time, whoever takes them over counts no loss. $1 worker uuid. No rows.
update stepwell.worker set draining = draining or id = $1::uuid, released = released or id <> $1::uuid
where id = $1::uuid or parent = $1::uuid
