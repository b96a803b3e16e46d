-- The run that a task has started; see stepwell.run_child. $1 parent uuid; $2 path text; $3
-- child uuid; $4 workflow text; $5 input text; $6 awaited boolean; $7 attempt int; $8 worker
-- uuid; $9 whether the worker keeps the child for itself boolean; $10 seq of the entry that
-- announced it int8. Returns one row: status, output, error, refusal (all text or null), created
-- boolean, void boolean (children were cancelled since it was announced: nothing was done).
select status, output, error, refusal, created, coalesce(void, false)
from stepwell.run_child($1::uuid, $2::text, $3::uuid, $4::text, $5::text, $6::boolean, $7::int,
	$8::uuid, $9::boolean, $10::bigint)
