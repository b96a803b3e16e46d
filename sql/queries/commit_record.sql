-- A transaction of one record in the log and nothing in a table. No parameters; one row without
-- meaning.
select pg_logical_emit_message(true, 'stepwell', repeat('x', 200))
