-- Runs that were started by a task of another run. The run's id is the task's stepId.

alter table stepwell.run add column parent_attempt int; -- of the task, for which it went on last
alter table stepwell.run add column awaited boolean; -- the parent waits for it and cancels it
create index run_parent on stepwell.run (parent_run_id) where parent_run_id is not null;
alter table stepwell.lease add column if not exists woken boolean not null default false;
