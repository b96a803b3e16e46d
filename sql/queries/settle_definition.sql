-- A definition was compiled, or found to be wrong: either way nobody died of it. $1 id uuid; $2 version
-- of the program text.
update stepwell.compiling set compiled = $2::text, loading = '{}', deaths = 0
where definition_id = $1::uuid
