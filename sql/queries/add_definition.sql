-- Registers a definition unless that version is there. $1 id uuid; $2 namespace text; $3 name
-- text; $4 version text; $5 digest (hexadecimal) text; $6 document text; $7 needs text[]; $8
-- resources text or null. Returns a row if it is new.
insert into stepwell.definition (id, namespace, name, version, digest, document, needs, resources)
values ($1::uuid, $2::text, $3::text, $4::text, decode($5::text, 'hex'), $6::text, $7::text[],
	$8::text)
on conflict do nothing
returning id
