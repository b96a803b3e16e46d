-- The runs that a run has started, and theirs, as a tree: each behind the run that has started it,
-- siblings in the order of their start. $1 run uuid; $2 limit int. Returns rows as list_runs,
-- then: depth int (1: started by the run itself), path of the task that started it text. (Each is
-- looked up by itself: a join might read all runs.)
with recursive tree as (
	select r.id, 1 as depth, array[r.created_at::text, r.id::text] as place from stepwell.run r
	where r.parent_run_id = $1::uuid
	union all
	select r.id, t.depth + 1, t.place || array[r.created_at::text, r.id::text] from tree t
	cross join lateral (
		select c.id, c.created_at from stepwell.run c where c.parent_run_id = t.id offset 0) r
)
select r.id, coalesce(r.status, l.state, 'pending'), d.namespace, d.name, d.version, r.key,
	(extract(epoch from r.created_at) * 1000000)::bigint,
	(extract(epoch from coalesce(r.started_at, l.started_at)) * 1000000)::bigint,
	(extract(epoch from r.ended_at) * 1000000)::bigint, t.depth, r.parent_path
from (select * from tree order by place limit $2::int) t
cross join lateral (select * from stepwell.run c where c.id = t.id offset 0) r
cross join lateral (select * from stepwell.definition c where c.id = r.definition_id offset 0) d
left join lateral (select * from stepwell.lease c where c.run_id = r.id offset 0) l on true
order by t.place
