-- A function of the default catalog. $1 name text; $2 version text. Returns document, or none.
select document from stepwell.function where name = $1::text and version = $2::text
