-- Notes a migration as applied. $1 number int; $2 name text; $3 digest text. No rows.
insert into stepwell.migration (number, name, digest)
values ($1::int, $2::text, $3::text)
on conflict (number) do update set digest = excluded.digest, applied_at = clock_timestamp()
