-- The kept events have the keys of the shapes $1 text[] with the bases $2 text[] (hex).
update stepwell.shape h set indexed = true
from unnest($1::text[], $2::text[]) as u (shape, base)
where h.shape = u.shape and h.base = decode(u.base, 'hex') and not h.indexed
