-- The definition that a name stands for. $1 namespace/name[:version] text. Returns one row:
-- id, namespace, name, version, digest (hexadecimal), document, created_at (microseconds
-- since 1970), resources (or null); P0002 where there is none.
select id, namespace, name, version, encode(digest, 'hex'), document,
	(extract(epoch from created_at) * 1000000)::bigint, resources
from stepwell.definition where id = stepwell.find_definition_id($1::text)
