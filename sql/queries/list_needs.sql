-- What the runs need that have been due for 10 s and that nobody has taken. No parameters.
-- Returns rows: needs text, number of runs.
select array_to_string(needs, ', '), count(*) from stepwell.lease
where owner is null and due <= clock_timestamp() - interval '10 seconds' and needs <> '{}'
group by 1 order by 2 desc limit 20
