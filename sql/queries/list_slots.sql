-- Replication slots. No parameters. Returns rows: name, type, active boolean, bytes of WAL that
-- it keeps (null: none), wal_status, age of its catalog_xmin in transactions or null.
select slot_name, slot_type, active, pg_wal_lsn_diff(case when pg_is_in_recovery()
		then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn)::bigint,
	coalesce(wal_status, ''), age(catalog_xmin)
from pg_replication_slots where not temporary
order by 4 desc nulls last
