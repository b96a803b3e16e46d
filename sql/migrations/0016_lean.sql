-- What every run pays for is what every run has: of losses and recalled children only those leases
-- speak that had some (null: none), and who ends a run notes for its parent what it is to be told.

-- In the order in which workers write them: a lease before its run.
lock table stepwell.lease in access exclusive mode;
lock table stepwell.run in access exclusive mode;

alter table stepwell.lease
	alter losses drop not null, alter losses drop default,
	alter deaths drop not null, alter deaths drop default,
	alter company drop not null, alter company drop default,
	alter recalled drop not null, alter recalled drop default;

-- Whoever looks for suspects must not find the way through all runs that nobody owns shorter, whatever
-- the planner knows of the table.
drop index stepwell.lease_suspect;
create index lease_suspect on stepwell.lease (suspect_at) where owner is null and suspect_at is not null;

-- For workers of the version before, which leave it to the table. Afterwards: a trigger before the
-- update locks each row, and writes that down.
drop trigger note_end on stepwell.run;
create or replace function stepwell.note_end() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	update stepwell.run r set untold = new.parent_run_id where r.id = new.id;
	return null;
end
$$;
create trigger note_end after update of status on stepwell.run for each row
	when (new.awaited and new.status is not null and new.untold is null)
	execute function stepwell.note_end();
