-- The schema of everything, where it is not there: whoever has been given it needs no right to the
-- database. Who makes it at the same time is waited for. No parameters, no rows.
do $$ begin
	if pg_catalog.to_regnamespace('stepwell') is null then
		create schema stepwell;
	end if;
exception when duplicate_schema or unique_violation then null;
end $$
