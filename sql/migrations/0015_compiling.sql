-- Definitions that workers compile: who was about to since it was compiled last.
create table stepwell.compiling (
	definition_id uuid primary key,
	loading uuid[] not null default '{}', -- workers
	compiled text, -- the version of the program that has compiled it last
	deaths int not null default 0 -- of processes for suspects that compiled it
);
