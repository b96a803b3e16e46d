-- Waits until no other migration is running; held until the end of the transaction. By the list of
-- migrations, which only those can lock who may write it. No parameters, no rows.
lock table stepwell.migration in share row exclusive mode
