-- Waits until no other migration is running; held until the end of the transaction. By the list of
-- migrations, which only those can lock who may write it; where there is none yet, by an advisory
-- lock. No parameters, no rows.
do $$ begin
	if to_regclass('stepwell.migration') is null then
		perform pg_advisory_xact_lock(7018969);
	end if;
	if to_regclass('stepwell.migration') is not null then
		lock table stepwell.migration in share row exclusive mode;
	end if;
end $$
