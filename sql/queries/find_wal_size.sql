-- Bytes of WAL on disk; needs the role pg_monitor. No parameters. Returns one row: bytes.
select coalesce(sum(size), 0)::bigint from pg_ls_waldir()
