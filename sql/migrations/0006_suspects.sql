-- Runs whose workers died: suspects, which are executed in a process of their own.

alter table stepwell.lease
	add column losses int not null default 0, -- of its workers; decays
	add column lost_at timestamptz, -- the last one
	add column lost_seq bigint, -- the entry that says so
	add column deaths int not null default 0, -- of processes that had this run alone
	add column company int not null default 64, -- as many suspects may be in one process with it
	add column suspect_at timestamptz; -- since then it waits for a process of its own; null: it does not
create index lease_suspect on stepwell.lease (suspect_at) where suspect_at is not null;

alter table stepwell.worker
	add column parent uuid, -- the worker that started this process for suspects
	add column released boolean not null default false; -- it lets its runs go: that is no loss
