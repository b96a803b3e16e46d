-- How far each database is on its way to wraparound, the oldest first. No parameters. Returns
-- rows: name, age of datfrozenxid, age of datminmxid, is this one boolean.
select datname, age(datfrozenxid), mxid_age(datminmxid), datname = current_database()
from pg_database order by greatest(age(datfrozenxid), mxid_age(datminmxid)) desc
