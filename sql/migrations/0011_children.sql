-- What a parent is told of its children: of each end once, whoever wrote it; and which of them it
-- has recalled itself, so that only those go on when it does.

-- In the order in which workers write them: a lease before its run.
lock table stepwell.lease in access exclusive mode;
lock table stepwell.run in access exclusive mode;

alter table stepwell.run add column untold uuid; -- the parent that was not told of this run's end
alter table stepwell.run add column recalled boolean; -- its parent had it cancelled
-- The last entry with which children were cancelled: a start that was announced before it is void.
alter table stepwell.lease add column recalled bigint not null default 0;
create index run_untold on stepwell.run (untold) where untold is not null;

create function stepwell.note_end() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	new.untold := new.parent_run_id;
	return new;
end
$$;
create trigger note_end before update of status on stepwell.run for each row
	when (new.awaited and new.status is not null) execute function stepwell.note_end();

update stepwell.run r set untold = r.parent_run_id
where r.awaited and r.status is not null
	and exists (select from stepwell.lease l where l.run_id = r.parent_run_id);
