-- Gives a transaction up. No parameters, no rows.
rollback
