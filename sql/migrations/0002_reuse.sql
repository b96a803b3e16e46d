-- Functions and API descriptions that a definition refers to, pinned when it is registered;
-- and the default catalog: functions that definitions call by NAME:VERSION@default.

alter table stepwell.definition add column resources text; -- JSON object by name or URL, or null

-- Immutable, like definitions.
create table stepwell.function (
	name text not null,
	version text not null,
	digest bytea not null, -- SHA-256 of the canonical document
	document text not null, -- a task of the DSL, as JSON
	created_at timestamptz not null default clock_timestamp(),
	primary key (name, version)
);
