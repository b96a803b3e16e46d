-- A definition that a worker is about to compile. $1 id uuid; $2 worker uuid; $3 version of its program
-- text; $4 whether it leaves one of which workers died to a process for suspects boolean. Where this
-- version has not compiled it yet, it is noted who does, until settle_definition. Returns document
-- (null: it is not to be compiled here), version, resources (or null), whether settle_definition is
-- to follow, whether nobody is to compile it.
with known as (
	select d.*, coalesce(c.compiled = $3::text, false) as settled, coalesce(c.deaths, 0) as deaths,
		(select count(*) from unnest(c.loading) l (id) where l.id <> $2::uuid
			and not exists (select from stepwell.worker w where w.id = l.id)) as lost
	from stepwell.definition d left join stepwell.compiling c on c.definition_id = d.id
	where d.id = $1::uuid
), judged as (
	select k.*, k.deaths < 3 and (k.settled or not $4::boolean or (k.lost < 2 and k.deaths = 0)) as may
	from known k
), noted as (
	insert into stepwell.compiling as c (definition_id, loading)
	select id, array[$2::uuid] from judged where may and not settled
	on conflict (definition_id) do update set loading = array_append(c.loading, $2::uuid)
)
select case when may then document end, version, resources, may and not settled,
	deaths >= 3
from judged
