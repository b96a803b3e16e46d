-- Whom routing found locked; and versions with numbers of any length are ordered.

-- Runs that an event has come for while somebody held their lease: they are woken when it is free. A
-- row for each time, without a key: one that is put here meets no one that is taken away.
create table stepwell.missed (
	run_id uuid not null
);

-- Order of semantic versions: releases after pre-releases, then by number (semver.org, 11). A number
-- of more than 12 digits comes after all that are shorter, and says first how long it is.
create or replace function stepwell.version_number(digits text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select case when length(digits) > 12 then ':' || lpad(length(digits)::text, 9, '0') || digits
		else lpad(digits, 12, '0') end
$$;

create or replace function stepwell.version_order(version text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select case when split_part(version, '+', 1) like '%-%' then '0' else '1' end
		|| stepwell.version_number(split_part(v.core, '.', 1))
		|| stepwell.version_number(split_part(v.core, '.', 2))
		|| stepwell.version_number(split_part(v.core, '.', 3)) || ' ' || coalesce((
			select string_agg(case when p ~ '^[0-9]+$' then '0' || stepwell.version_number(p)
				else '1' || p end, ' ' order by n)
			from unnest(string_to_array(v.pre, '.')) with ordinality as t(p, n)), '')
	from (select split_part(split_part(version, '+', 1), '-', 1) as core,
		nullif(substring(split_part(version, '+', 1) from '-(.*)$'), '') as pre) v
$$;

-- The others have the order that they had.
update stepwell.definition set version = version
where version_order is distinct from stepwell.version_order(version);
