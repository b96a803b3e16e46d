-- The newest key that entries are signed with. No parameters. Returns one row: hexadecimal text.
select encode(key, 'hex') from stepwell.pool_secret order by made_at desc limit 1
