-- Definitions that nobody compiles any more, since the processes for suspects that did died. No
-- parameters. Returns rows: full name.
select d.namespace || '/' || d.name || ':' || d.version
from stepwell.compiling c join stepwell.definition d on d.id = c.definition_id
where c.deaths >= 3
order by 1
