-- Logins of workers that may not end the sessions of another login of workers. No parameters.
-- Returns rows: the login that may not, the other.
with login as (
	select distinct a.usesysid as id, r.rolname as name, r.rolsuper as super
	from stepwell.session s join pg_stat_activity a on a.pid = s.pid join pg_roles r on r.oid = a.usesysid
	where isfinite(s.backend_start) and s.slot !~ ' ' -- others are logins of steps
)
select u.name, o.name
from login u join login o on o.id <> u.id
where not u.super and (o.super or not (pg_has_role(u.id, o.id, 'USAGE')
	or pg_has_role(u.id, 'pg_signal_backend', 'USAGE') and pg_has_role(u.id, 'pg_read_all_stats', 'USAGE')))
order by 1, 2 limit 5
