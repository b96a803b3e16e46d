-- The schema of everything. No parameters, no rows.
create schema if not exists stepwell
