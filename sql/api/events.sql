-- Events. Public: emit, event_retention. The others serve the engine.

-- PUBLIC. How long an event is kept for listeners that come after it.
create or replace function stepwell.event_retention() returns interval
language sql immutable as $$ select interval '7 days' $$;

-- What an index can find: a null member means any.
create or replace function stepwell.event_key(type text, source text, subject text,
	shape text default null, expected text default null) returns bytea
language sql immutable as $$
	select substring(sha256(convert_to(array[type, source, subject, shape, expected]::text,
		'UTF8')) from 1 for 16)
$$;

-- The keys of all that could wait for an event without a correlation.
create or replace function stepwell.event_keys(type text, source text, subject text)
returns bytea[] language sql immutable as $$
	select array_agg(distinct stepwell.event_key(t, s, u))
	from unnest(array[event_keys.type, null]) t, unnest(array[event_keys.source, null]) s,
		unnest(array[event_keys.subject, null]) u
$$;

-- Refuses what is no CloudEvent 1.0 in JSON (22023).
create or replace function stepwell.check_event(event json) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
	name text;
	v json;
begin
	if event is null or json_typeof(event) <> 'object' then
		raise exception 'an event must be a JSON object' using errcode = '22023';
	end if;
	foreach name in array array['id', 'source', 'type', 'specversion', 'subject', 'time',
		'datacontenttype', 'dataschema', 'data_base64'] loop
		v := stepwell.member(event, name);
		if v is null and name in ('id', 'source', 'type') then
			raise exception 'the event has no "%"', name using errcode = '22023';
		end if;
		if v is not null and (json_typeof(v) <> 'string' or v::text = '""'
				or octet_length(v::text) > 1024 and name in ('id', 'source', 'type', 'subject')
				or strpos(v::text, E'\\u0000') > 0) then
			raise exception 'the event''s "%" must be a text of 1 to 1000 bytes', name
				using errcode = '22023';
		end if;
		if name = 'specversion' and v is not null and v #>> '{}' <> '1.0' then
			raise exception 'the event''s specversion is %, not 1.0', v using errcode = '22023';
		end if;
	end loop;
	if stepwell.member(event, 'data') is not null
			and stepwell.member(event, 'data_base64') is not null then
		raise exception 'the event has both "data" and "data_base64"' using errcode = '22023';
	end if;
	for name in select k from json_object_keys(replace(event::text, E'\\u0000', ' ')::json) k
			where k !~ '^[a-z0-9_]+$' loop
		raise exception 'the event''s attribute "%" is not made of a-z and 0-9', name
			using errcode = '22023';
	end loop;
	if (select count(*) <> count(distinct k)
			from json_object_keys(replace(event::text, E'\\u0000', ' ')::json) k) then
		raise exception 'the event has an attribute twice' using errcode = '22023';
	end if;
end
$$;

-- PUBLIC. Stores a CloudEvent in the caller's transaction; false: it was there already (by
-- source and id). time and specversion are filled in. Runs as the schema's owner.
create or replace function stepwell.emit(event json) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
	body text := btrim(event::text, E' \t\r\n');
begin
	perform stepwell.check_event(event);
	if stepwell.member(event, 'specversion') is null then
		body := '{"specversion":"1.0",' || substr(body, 2);
	end if;
	if stepwell.member(event, 'time') is null then
		body := '{"time":"' || to_char(clock_timestamp() at time zone 'UTC',
			'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '",' || substr(body, 2);
	end if;
	insert into stepwell.event (source, id, type, subject, event)
	values (stepwell.member(event, 'source') #>> '{}', stepwell.member(event, 'id') #>> '{}',
		stepwell.member(event, 'type') #>> '{}', stepwell.member(event, 'subject') #>> '{}', body)
	on conflict do nothing;
	return found;
end
$$;

revoke all on function stepwell.emit(json) from public;
