-- The roles and the database of a new private cluster; by the superuser, in single-user mode, where
-- an empty line ends a statement.
create role stepwell login;

grant pg_monitor to stepwell;

create database stepwell owner stepwell;

