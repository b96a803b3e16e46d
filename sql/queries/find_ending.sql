-- The runs whose id ends in $1 (hexadecimal digits, without hyphens) text. Returns up to two
-- rows: id uuid.
select id from stepwell.run
where right(replace(id::text, '-', ''), length($1::text)) = $1::text
limit 2
