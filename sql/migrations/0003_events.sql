-- Events and who waits for them. An event is kept for stepwell.event_retention().

create table stepwell.event (
	source text not null,
	id text not null,
	type text not null,
	subject text,
	at timestamptz not null default clock_timestamp(), -- when it was stored
	event text not null, -- the CloudEvent, JSON
	routed boolean not null default false, -- those who waited for it have been told
	primary key (source, id)
) with (fillfactor = 80);
create index event_unrouted on stepwell.event (at) where not routed;
create index event_kept on stepwell.event (type, at);
create index event_at on stepwell.event (at);

-- What a listener waits for, a row per filter. The key stands for all that can be looked up:
-- type, source and subject where they are literal, and the values its correlations expect.
create table stepwell.subscription (
	run_id uuid not null,
	path text not null,
	filter int not null,
	reference text not null,
	key bytea not null,
	type text, -- null: any; so with the next two
	source text,
	subject text,
	shape text, -- the expressions of its correlations, a JSON array; null: none is keyed
	looked boolean not null default false -- at the events that were kept before
) with (fillfactor = 80);
create index subscription_run on stepwell.subscription (run_id); -- paths may be too long for it
create index subscription_key on stepwell.subscription (key);

-- Which correlations there are for events of such a type, source and subject: each event is
-- evaluated once for each of them.
create table stepwell.shape (
	base bytea not null, -- the key without correlations
	shape text not null,
	indexed boolean not null default false, -- the events kept before it have their keys
	primary key (base, shape)
);

-- The keys of kept events by the shapes that match them.
create table stepwell.event_key (
	key bytea not null,
	source text not null,
	id text not null,
	at timestamptz not null,
	primary key (source, id, key)
);
create index event_key_key on stepwell.event_key (key);
create index event_key_at on stepwell.event_key (at);

-- An event on its way to a task that listens. Each gets to a task of a run at most once: what
-- was taken stays until the event is no longer kept, or the run has ended.
create table stepwell.delivery (
	run_id uuid not null,
	reference text not null,
	source text not null,
	id text not null,
	path text not null,
	at timestamptz not null,
	done boolean not null default false,
	primary key (run_id, reference, source, id)
) with (fillfactor = 80);
create index delivery_at on stepwell.delivery (at);

alter table stepwell.lease add column woken boolean not null default false; -- a delivery came
