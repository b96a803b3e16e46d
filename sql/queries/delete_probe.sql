-- Removes the run and the definition of a probe; those of earlier ones too that were cut short,
-- once their runs have ended. $1 definition uuid. Returns one row: number of runs.
with definitions as (
	delete from stepwell.definition d
	where d.namespace = 'stepwell' and d.name = 'doctor'
		and (d.id = $1::uuid or d.created_at < clock_timestamp() - interval '10 minutes')
		and not exists (select from stepwell.lease l where l.definition_id = d.id)
	returning d.id, d.created_at
), runs as (
	delete from stepwell.run r using definitions d
	where r.definition_id = d.id and r.id >= stepwell.first_id(d.created_at)
		and r.id < stepwell.first_id(d.created_at + interval '1 minute')
	returning r.id
), entries as (
	delete from stepwell.entry e using runs r where e.run_id = r.id
)
select count(*) from runs
