-- The kept events have the keys of the shape $1 text with the base $2 text (hex) up to the place
-- $3 bigint (null: as before); $4 bool: all of them.
update stepwell.shape h set place = greatest(h.place, coalesce($3::bigint, 0)),
	indexed = h.indexed or $4::bool
where h.shape = $1::text and h.base = decode($2::text, 'hex') and not h.indexed
