-- What ends the process that has it in hand, though it is no run: events that are routed.

alter table stepwell.event add column tries int not null default 0; -- processes that died of it
create index event_tried on stepwell.event (at) where not routed and tries > 1;

-- The events that a worker is about to route, where they are not new: by when they were stored.
alter table stepwell.worker
	add column routes_from timestamptz, -- null: none that anybody would have to know of
	add column routes_to timestamptz,
	add column routes_since timestamptz;
