-- Who ordered what of a run.

alter table stepwell.run add column if not exists orders text; -- JSON array of at, change, by
