-- Keys of starts. $1 key text[]; $2 run_id uuid[].
insert into raw.start_key (namespace, name, key, run_id)
select 'bench', 'life', u.key, u.run_id from unnest($1::text[], $2::uuid[]) as u (key, run_id)
