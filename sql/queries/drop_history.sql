-- Drops old history; see stepwell.gc. $1 age in microseconds bigint; $2 only say what it would do
-- boolean. Returns weeks, runs and kept runs.
select weeks, runs, kept from stepwell.gc($1::bigint * interval '1 microsecond', $2::boolean)
