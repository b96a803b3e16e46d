-- An event gets its place in the order of all events when it is routed. A listener reads the events
-- that match it in that order, from the place that it has come to; only what it took is noted.

-- One after the other, so that what is locked here is waited for before anything is changed.
lock table stepwell.event in access exclusive mode;
lock table stepwell.event_key in access exclusive mode;
lock table stepwell.shape in access exclusive mode;
lock table stepwell.subscription in access exclusive mode;
lock table stepwell.delivery in access exclusive mode;

-- The last place that was given. Who gives places holds its row until they are committed, so
-- that whoever sees a place sees all before it.
create table stepwell.event_place (
	one boolean primary key default true check (one),
	last bigint not null
) with (fillfactor = 10);

alter table stepwell.event add column place bigint; -- null: not routed yet
update stepwell.event e set place = n.place
from (select source, id, row_number() over (order by at, source, id) as place
	from stepwell.event where routed) n
where e.source = n.source and e.id = n.id;
insert into stepwell.event_place (last) select coalesce(max(place), 0) from stepwell.event;
create unique index event_place_of on stepwell.event (place) where place is not null;
create index event_type on stepwell.event (type, place) where place is not null;
drop index stepwell.event_kept;

alter table stepwell.event_key add column place bigint; -- null: look at the event
update stepwell.event_key k set place = e.place
from stepwell.event e where e.source = k.source and e.id = k.id and e.place is not null;
create index event_key_place on stepwell.event_key (key, place);
drop index stepwell.event_key_key;

alter table stepwell.shape add column place bigint not null default 0; -- kept events have keys so far

-- How far the listener has read, and the first event that it has passed over though another pass
-- of its task may take it (null: none).
alter table stepwell.subscription add column place bigint, add column passed bigint;

-- What a task of a run has taken: each event once, in whatever pass. `filters` is a digest of what
-- its filters saw, `floor` the place up to which they have decided on all events for good: where
-- the next pass with the same begins.
create table stepwell.taken (
	run_id uuid not null,
	reference text not null,
	place bigint not null,
	filters text,
	floor bigint not null default 0,
	primary key (run_id, reference, place)
);
create index taken_place on stepwell.taken (place);

-- Workers of the version before. They are told by rows of `delivery`, where they also note what they
-- take; it must be neither lost nor taken again by others. Nothing of this happens without them.
alter table stepwell.worker add column by_place boolean not null default false;

create function stepwell.give_place() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	update stepwell.event_place set last = last + 1 returning last into new.place;
	return new;
end
$$;
create trigger event_routed before update of routed on stepwell.event
	for each row when (new.routed and new.place is null) execute function stepwell.give_place();

create function stepwell.skip_taken() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	if exists (select from stepwell.event e join stepwell.taken t on t.place = e.place
			where e.source = new.source and e.id = new.id and t.run_id = new.run_id
				and t.reference = new.reference) then
		return null;
	end if;
	return new;
end
$$;
create trigger delivery_offered before insert on stepwell.delivery
	for each row execute function stepwell.skip_taken();

create function stepwell.note_taken() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	at_place bigint;
begin
	select e.place into at_place from stepwell.event e
		where e.source = new.source and e.id = new.id for update;
	if not found then
		return null;
	end if;
	if at_place is null then
		update stepwell.event_place set last = last + 1 returning last into at_place;
		update stepwell.event e set place = at_place where e.source = new.source and e.id = new.id;
	end if;
	insert into stepwell.taken (run_id, reference, place)
		values (new.run_id, new.reference, at_place) on conflict do nothing;
	return null;
end
$$;
create trigger delivery_taken after update of done on stepwell.delivery
	for each row when (new.done and not old.done) execute function stepwell.note_taken();

create function stepwell.look_back_again() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	update stepwell.subscription set looked = false where looked;
	return null;
end
$$;
create trigger worker_before after insert on stepwell.worker
	for each row when (not new.by_place) execute function stepwell.look_back_again();

insert into stepwell.taken (run_id, reference, place)
select d.run_id, d.reference, e.place from stepwell.delivery d
join stepwell.event e on e.source = d.source and e.id = d.id
where d.done and e.place is not null on conflict do nothing;
