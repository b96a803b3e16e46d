-- What this role may not do but a worker, or `wfctl`, must. No parameters. Returns rows:
-- what, the right, whether a worker can do nothing without it boolean; one row of empty texts where there is no schema to have rights to.
with wanted (name, rights) as (values
	('definition', 'SELECT,INSERT'), ('run', 'SELECT,INSERT,UPDATE'), ('entry', 'SELECT,INSERT'),
	('lease', 'SELECT,INSERT,UPDATE,DELETE'), ('start_key', 'SELECT,INSERT,DELETE'),
	('worker', 'SELECT,INSERT,UPDATE,DELETE'), ('session', 'SELECT,INSERT,UPDATE,DELETE'),
	('function', 'SELECT,INSERT'), ('migration', 'SELECT'), ('event', 'SELECT,INSERT,UPDATE,DELETE'),
	('subscription', 'SELECT,INSERT,UPDATE,DELETE'), ('shape', 'SELECT,INSERT,UPDATE'),
	('event_key', 'SELECT,INSERT,UPDATE,DELETE'), ('delivery', 'SELECT,INSERT,DELETE'),
	('taken', 'SELECT,INSERT,DELETE'), ('event_place', 'SELECT,UPDATE'), ('missed', 'SELECT,INSERT,DELETE'), ('compiling', 'SELECT,INSERT,UPDATE'),
	('runs', 'SELECT'), ('steps', 'SELECT'), ('journal', 'SELECT'), ('operation', 'SELECT')
), home as (
	select oid from pg_namespace where nspname = 'stepwell'
)
select '', '', true where not exists (select from home)
union all
select 'schema stepwell', 'USAGE', true from home where not has_schema_privilege(oid, 'USAGE')
union all
select 'table ' || c.relname, string_agg(p.word, ', ' order by p.n), c.relkind <> 'v'
from home join pg_class c on c.relnamespace = home.oid join wanted w on w.name = c.relname
cross join lateral unnest(string_to_array(w.rights, ',')) with ordinality as p (word, n)
where not has_table_privilege(c.oid, p.word) group by c.relname, c.relkind
union all
select 'function ' || f.proname, 'EXECUTE', true
from home join pg_proc f on f.pronamespace = home.oid
where f.proname not in ('start', 'start_batch', 'emit', 'gc', 'append_step', 'signed_member')
	and not has_function_privilege(f.oid, 'EXECUTE')
order by 1
