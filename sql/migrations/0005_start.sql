-- The highest version of a workflow is found without taking versions apart.

-- Order of semantic versions: releases after pre-releases, then by number (semver.org, 11).
create or replace function stepwell.version_order(version text) returns text
language sql immutable as $$
	select case when split_part(version, '+', 1) like '%-%' then '0' else '1' end
		|| lpad(split_part(v.core, '.', 1), 12, '0') || lpad(split_part(v.core, '.', 2), 12, '0')
		|| lpad(split_part(v.core, '.', 3), 12, '0') || ' ' || coalesce((
			select string_agg(case when p ~ '^[0-9]+$' then '0' || lpad(p, 12, '0')
				else '1' || p end, ' ' order by n)
			from unnest(string_to_array(v.pre, '.')) with ordinality as t(p, n)), '')
	from (select split_part(split_part(version, '+', 1), '-', 1) as core,
		nullif(substring(split_part(version, '+', 1) from '-(.*)$'), '') as pre) v
$$;

alter table stepwell.definition add column version_order text collate "C"
	generated always as (stepwell.version_order(version)) stored;

-- A definition is found by its id alone now; a run is created as one of several.
drop function if exists stepwell.find_definition(text);
drop function if exists stepwell.create_run(uuid, text, text, uuid, timestamptz, uuid, interval);
