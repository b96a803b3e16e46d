-- A definition. $1 id uuid. Returns document, version, resources (or null).
select document, version, resources from stepwell.definition where id = $1::uuid
