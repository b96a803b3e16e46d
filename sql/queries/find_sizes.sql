-- Sizes. No parameters. Returns one row: bytes of the database, of the journal and of the runs.
select pg_database_size(current_database()),
	(select sum(pg_total_relation_size(inhrelid)) from pg_inherits
		where inhparent = to_regclass('stepwell.entry')),
	(select sum(pg_total_relation_size(inhrelid)) from pg_inherits
		where inhparent = to_regclass('stepwell.run'))
