-- The schema of everything, where it is not there: whoever has been given it needs no right to the
-- database. No parameters, no rows.
do $$ begin
	if pg_catalog.to_regnamespace('stepwell') is null then
		create schema stepwell;
	end if;
end $$
