-- Makes a private cluster that an earlier version made what a new one is: there `stepwell` is the
-- superuser. He gets another name, and what was his in the database belongs to a role `stepwell` that
-- is none. By the superuser, in single-user mode, where an empty line ends a statement; again it does
-- nothing. (Nobody renames himself: hence the third role.)
do $$
declare
	superuser constant oid := 10;
	change text;
begin
	if exists (select from pg_catalog.pg_roles where oid = superuser and rolname = 'stepwell') then
		create role stepwell_renamer superuser;
		set session authorization stepwell_renamer;
		alter role stepwell rename to stepwell_server;
		set session authorization stepwell_server;
		drop role stepwell_renamer;
		create role stepwell login;
		grant pg_monitor to stepwell;
		alter database stepwell owner to stepwell;
		for change in
			select pg_catalog.format('schema %I', nspname) from pg_catalog.pg_namespace
			where nspowner = superuser and nspname !~ '^(pg_|information_schema$|public$)'
			union all
			select pg_catalog.format('table %s', c.oid::pg_catalog.regclass) from pg_catalog.pg_class c
			where c.relowner = superuser and c.relkind in ('r', 'p', 'v', 'm', 'f')
				and c.relnamespace::pg_catalog.regnamespace::text !~ '^(pg_|information_schema$)'
				and not exists (select from pg_catalog.pg_depend d where d.deptype = 'e'
					and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid)
			union all
			select pg_catalog.format('sequence %s', c.oid::pg_catalog.regclass) from pg_catalog.pg_class c
			where c.relowner = superuser and c.relkind = 'S'
				and c.relnamespace::pg_catalog.regnamespace::text !~ '^(pg_|information_schema$)'
				and not exists (select from pg_catalog.pg_depend d where d.deptype in ('e', 'a', 'i')
					and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid)
			union all
			select pg_catalog.format('routine %s', p.oid::pg_catalog.regprocedure) from pg_catalog.pg_proc p
			where p.proowner = superuser
				and p.pronamespace::pg_catalog.regnamespace::text !~ '^(pg_|information_schema$)'
				and not exists (select from pg_catalog.pg_depend d where d.deptype in ('e', 'i')
					and d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid)
			union all
			select pg_catalog.format('type %s', t.oid::pg_catalog.regtype) from pg_catalog.pg_type t
			left join pg_catalog.pg_class c on c.oid = t.typrelid
			where t.typowner = superuser
				and (t.typtype in ('d', 'e', 'r') or c.relkind = 'c')
				and t.typnamespace::pg_catalog.regnamespace::text !~ '^(pg_|information_schema$)'
				and not exists (select from pg_catalog.pg_depend d where d.deptype in ('e', 'i')
					and d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid)
			union all
			select 'large object ' || oid from pg_catalog.pg_largeobject_metadata
			where lomowner = superuser
		loop
			execute 'alter ' || change || ' owner to stepwell';
		end loop;
		execute pg_catalog.format('copy (select %L) to %L', 'local all all reject',
			pg_catalog.current_setting('data_directory') || '/pg_hba.conf');
	end if;
end $$;

