-- Single entries of one run. $1 run_id uuid; $2 seq int8[]. Returns seq, data.
select seq, data from stepwell.entry where run_id = $1::uuid and seq = any ($2::int8[])
