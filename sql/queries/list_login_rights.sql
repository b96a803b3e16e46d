-- What logins of steps (who were granted stepwell.append_step) may do beyond that, or lack. No
-- parameters. Returns rows: login, or '' for everybody; whether it makes the login no boundary; what,
-- null: nothing.
with home as (
	select oid, nspowner from pg_namespace where nspname = 'stepwell'
), api as (
	select p.oid, p.proacl, p.proowner from home join pg_proc p on p.pronamespace = home.oid
	where p.proname = 'append_step'
), granted as (
	select distinct a.grantee from api cross join lateral aclexplode(api.proacl) a
	where a.privilege_type = 'EXECUTE' and a.grantee <> api.proowner
), login as (
	select r.*, not r.rolsuper and has_table_privilege(r.oid, 'stepwell.entry', 'INSERT')
		and has_table_privilege(r.oid, 'stepwell.pool_secret', 'SELECT') as works
	from pg_roles r where r.oid in (select grantee from granted)
		and (r.rolcanlogin or r.rolsuper) and r.rolname <> current_user
), owned as (
	select c.oid, c.relname as name, c.relowner as owner, c.relkind in ('r', 'p', 'v') as is_table
	from home join pg_class c on c.relnamespace = home.oid where c.relkind in ('r', 'p', 'v')
	union all
	select p.oid, p.proname, p.proowner, false from home join pg_proc p on p.pronamespace = home.oid
), reach as (
	select l.oid, l.rolname, m.oid as role, m.rolname as name from login l join pg_roles m
		on pg_has_role(l.oid, m.oid, 'MEMBER') where not l.rolsuper and not l.works
)
select ''::text as login, true, 'everybody may call stepwell.append_step' from granted where grantee = 0
union all
select l.rolname, true, 'is a superuser' from login l where l.rolsuper
union all
select l.rolname, true, 'may make roles (createrole)' from login l where l.rolcreaterole and not l.rolsuper
union all
select l.rolname, true, 'may replicate' from login l where l.rolreplication and not l.rolsuper
union all
select r.rolname, true, 'is a member of ' || string_agg(r.name, ', ' order by r.name) from reach r
where r.role <> r.oid and (r.name ~ '^pg_' or exists (select from owned o where o.owner = r.role)
	or exists (select from owned o where o.is_table and has_table_privilege(r.role, o.oid, 'SELECT')))
group by r.rolname
union all
select r.rolname, true, 'owns ' || min(o.name) from reach r join owned o on o.owner = r.role
where r.role = r.oid group by r.rolname
union all
select l.rolname, true, 'may create in the schema stepwell' from login l cross join home
where not l.rolsuper and has_schema_privilege(l.oid, home.oid, 'CREATE')
union all
select l.rolname, true, 'has rights on ' || string_agg(o.name, ', ' order by o.name) from login l cross join owned o
where not l.rolsuper and not l.works and o.is_table and has_table_privilege(l.oid, o.oid,
	'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') group by l.rolname
union all
select l.rolname, true, 'may call ' || string_agg(distinct p.proname, ', ') from login l cross join home
join pg_proc p on p.pronamespace = home.oid
where not l.rolsuper and not l.works and p.prosecdef and p.prorettype <> 'trigger'::regtype and p.proname <> 'append_step'
	and has_function_privilege(l.oid, p.oid, 'EXECUTE') group by l.rolname
union all
select a.usename, true, 'is the login of several namespaces: ' || string_agg(distinct split_part(s.slot, ' ', 2), ', ')
from stepwell.session s join pg_stat_activity a on a.pid = s.pid where s.slot ~ ' ' -- "sql0 NAMESPACE"
group by a.usename having count(distinct split_part(s.slot, ' ', 2)) > 1
union all
select l.rolname, false, 'has no connection limit' from login l where l.rolconnlimit < 0 and not l.works
union all
select l.rolname, false, 'has the rights of a worker: as a login of steps it would be no boundary' from login l where l.works
union all
select l.rolname, false, 'its sessions are not ended when a worker is lost: ' || current_user || ' is no member of it'
from login l where not pg_has_role(l.oid, 'USAGE') and not l.works
union all
select l.rolname, false, null from login l
order by 1, 2 desc, 3
