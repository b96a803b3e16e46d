-- All registered definitions. No parameters. Returns rows by name and version, the highest
-- first: id, namespace, name, version, digest (hexadecimal), document (null), created_at
-- (microseconds since 1970), number of runs that have not ended.
select d.id, d.namespace, d.name, d.version, encode(d.digest, 'hex'), null,
	(extract(epoch from d.created_at) * 1000000)::bigint, coalesce(l.runs, 0)
from stepwell.definition d
left join (select definition_id, count(*) as runs from stepwell.lease group by 1) l
	on l.definition_id = d.id
order by d.namespace, d.name, d.version_order desc,
	d.created_at desc
