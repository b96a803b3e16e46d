-- Wakes idle workers; never in a transaction that writes a journal. No parameters; one row
-- without meaning.
select pg_notify('stepwell', '')
