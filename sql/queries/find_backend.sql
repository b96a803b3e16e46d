-- The process that answers. No parameters. Returns one row: pid int.
select pg_backend_pid()
