-- Stores events that tasks emit; one that is there already stays. $1 source text[]; $2 id
-- text[]; $3 type text[]; $4 subject text[]; $5 event text[].
insert into stepwell.event (source, id, type, subject, event)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
on conflict do nothing
