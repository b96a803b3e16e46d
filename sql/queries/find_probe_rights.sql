-- Whether a probe may delete what it makes. No parameters. Returns one row: boolean.
select has_table_privilege('stepwell.definition', 'DELETE')
	and has_table_privilege('stepwell.run', 'DELETE')
	and has_table_privilege('stepwell.entry', 'DELETE')
