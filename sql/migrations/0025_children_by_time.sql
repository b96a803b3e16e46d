-- Children by the time at which they were created: their ids have their parents' time.

create index run_child on stepwell.run (created_at, id) where parent_run_id is not null;
