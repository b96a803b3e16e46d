-- Waits until no other migration is running; held until the end of the transaction. No
-- parameters; one row without meaning.
select pg_advisory_xact_lock(7018969)
