-- Appends many bytes of entries, as append_entries does: fields in binary form, one row after the
-- other. An entry whose seq is taken fails the statement (23505).
copy stepwell.entry (run_id, seq, at, kind, path, attempt, data) from stdin (format binary)
