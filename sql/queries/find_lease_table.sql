-- The table of leases as vacuum sees it. No parameters. Returns one row: dead rows, live rows
-- (both as counted by the statistics), microseconds since it was last vacuumed (null: never),
-- whether autovacuum is off for it boolean, rows (counted), bytes with indexes.
select s.n_dead_tup, s.n_live_tup, (extract(epoch from clock_timestamp()
		- greatest(s.last_autovacuum, s.last_vacuum)) * 1000000)::bigint,
	coalesce(array_to_string(c.reloptions, ',') ~ 'autovacuum_enabled=(false|off|0|no)', false),
	(select count(*) from stepwell.lease), pg_total_relation_size(c.oid)
from pg_class c join pg_stat_all_tables s on s.relid = c.oid
where c.oid = to_regclass('stepwell.lease')
