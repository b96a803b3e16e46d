-- Opens a transaction of several statements. No parameters, no rows.
begin
