-- The digest of a registered version. $1 namespace text; $2 name text; $3 version text.
-- Returns a row (digest text, hexadecimal), or none.
select encode(digest, 'hex') from stepwell.definition
where namespace = $1::text and name = $2::text and version = $3::text
