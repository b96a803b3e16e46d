-- A process for suspects has died while it compiled this definition: after three such deaths nobody
-- compiles it. $1 id uuid. Returns its full name, whether nobody does.
update stepwell.compiling c set deaths = c.deaths + 1
from stepwell.definition d
where c.definition_id = $1::uuid and d.id = c.definition_id
returning d.namespace || '/' || d.name || ':' || d.version, c.deaths >= 3
