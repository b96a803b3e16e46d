-- Ends a transaction. No parameters, no rows.
commit
