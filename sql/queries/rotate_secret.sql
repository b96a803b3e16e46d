-- Draws a key for signatures, and forgets those that no worker can have: what is there when a worker
-- starts is older than the worker, and it takes the newest. No parameters, no rows.
with old as (
	delete from stepwell.pool_secret s where exists (select from stepwell.pool_secret n
		where n.made_at > s.made_at and not exists (select from stepwell.worker w
			where w.started_at < n.made_at))
)
insert into stepwell.pool_secret (key) values (sha256(uuid_send(gen_random_uuid())
	|| uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))
