-- How full the queue of notifications is. No parameters. Returns one row: percent.
select ceil(pg_notification_queue_usage() * 100)::int
