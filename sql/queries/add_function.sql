-- Adds a function to the default catalog unless that version is there. $1 name text; $2 version
-- text; $3 digest (hexadecimal) text; $4 document text. Returns one row: is it new boolean, the
-- digest (hexadecimal) that is there now.
with new as (
	insert into stepwell.function (name, version, digest, document)
	values ($1::text, $2::text, decode($3::text, 'hex'), $4::text)
	on conflict do nothing
	returning digest
)
select exists (select from new), coalesce((select encode(digest, 'hex') from new),
	(select encode(f.digest, 'hex') from stepwell.function f
		where f.name = $1::text and f.version = $2::text))
