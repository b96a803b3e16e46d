-- A worker lets its runs go, because its journal is slow: whoever takes them over counts no loss. Its
-- next heartbeat takes that back. $1 worker uuid. No rows.
update stepwell.worker set released = true where id = $1::uuid
