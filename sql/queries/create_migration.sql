-- The list of applied migrations; number 0 stands for the functions and views, whose digest
-- says which ones. No parameters, no rows.
create table if not exists stepwell.migration (
	number int primary key,
	name text not null,
	digest text not null,
	applied_at timestamptz not null default clock_timestamp()
)
