-- `call: sql` on the journal's database is an ability of workers, "sql": what is registered needs
-- it from now on. A document that jsonb cannot hold is left as it is: its runs are refused by a
-- worker without the ability when they come to the step.

do $$
declare
	d record;
begin
	for d in select id, document, resources from stepwell.definition
		where document ~ '"sql"' or resources ~ '"sql"' loop
		begin
			update stepwell.definition set needs = array_append(needs, 'sql')
			where id = d.id and not 'sql' = any (needs) and (
				jsonb_path_exists(d.document::jsonb,
					'$.** ? (@.call == "sql" && exists(@.with.statement) && !exists(@.with.database))')
				or jsonb_path_exists(d.resources::jsonb,
					'$.** ? (@.call == "sql" && exists(@.with.statement) && !exists(@.with.database))'));
		exception when data_exception or program_limit_exceeded then
			null;
		end;
	end loop;
end $$;

update stepwell.lease l set needs = d.needs from stepwell.definition d
where d.id = l.definition_id and 'sql' = any (d.needs) and not 'sql' = any (l.needs);

-- What workers sign with that append by stepwell.append_step: who can read it can write any
-- journal. Drawn anew by each `wfctl migrate`; older ones stay while workers may have them.
create table stepwell.pool_secret (
	key bytea primary key,
	made_at timestamptz not null default clock_timestamp()
);
revoke all on stepwell.pool_secret from public;
