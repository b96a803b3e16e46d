-- A definition. $1 id uuid. Returns document, version.
select document, version from stepwell.definition where id = $1::uuid
