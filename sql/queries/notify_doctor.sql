-- A notification that no worker hears. No parameters; one row without meaning.
select pg_notify('stepwell_doctor', '')
