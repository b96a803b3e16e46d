-- Opens the transaction of a `call: sql` step.
begin isolation level read committed read write
