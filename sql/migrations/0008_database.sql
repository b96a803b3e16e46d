-- A start says whether it has named the version: the functions that do not know make way.

drop function if exists stepwell.create_runs(uuid, text[], text[], uuid[], timestamptz, uuid, interval);
drop function if exists stepwell.run_of_key(text, text, text, text);
