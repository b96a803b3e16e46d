-- The list of applied migrations, where it is not there; number 0 stands for the functions and views,
-- whose digest says which ones. Who makes it at the same time is waited for. No parameters, no rows.
do $$ begin
	if pg_catalog.to_regclass('stepwell.migration') is null then
		create table stepwell.migration (
			number int primary key,
			name text not null,
			digest text not null,
			applied_at timestamptz not null default clock_timestamp()
		);
	end if;
exception when duplicate_table or unique_violation then null;
end $$
