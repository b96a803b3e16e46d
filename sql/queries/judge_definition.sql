-- A process for suspects has died while it compiled this definition: after three such deaths nobody
-- compiles it. $1 id uuid; $2 the process, as a worker uuid: its row says that it was judged, so that a
-- verdict that is given again counts once. Returns its full name, whether nobody does; no row where it
-- was counted before.
with judged as (
	update stepwell.worker set released = true where id = $2::uuid and not released
	returning id
)
update stepwell.compiling c set deaths = c.deaths + 1
from judged j, stepwell.definition d
where c.definition_id = $1::uuid and d.id = c.definition_id
returning d.namespace || '/' || d.name || ':' || d.version, c.deaths >= 3
