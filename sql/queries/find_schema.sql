-- The database's encoding, and whether it has our table of migrations. No parameters.
-- Returns one row: encoding text, exists boolean.
select current_setting('server_encoding'), to_regclass('stepwell.migration') is not null
