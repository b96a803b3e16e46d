-- How a session that is not trusted appends: the outcome of a `call: sql` step under a login of its
-- own (`--sql-login`). Not PUBLIC: it serves the engine.

-- A member of what is signed: its length in bytes and its text, as the server has it.
create or replace function stepwell.signed_member(value text) returns text
language sql immutable set search_path = pg_catalog, pg_temp as $$
	select coalesce(octet_length(value) || ':' || value, '-') || ','
$$;

-- Appends entries of one run, whose journal must end where the owner believes it to (22012). mac:
-- sha256(k || sha256(k || m)), k a key of stepwell.pool_secret, m the members of this transaction, this
-- process, this session's login, and all that is appended: what was seen of a call says nothing about
-- any other (28000). An entry whose seq is taken fails the call (23505): that is the fence.
create or replace function stepwell.append_step(run uuid, seqs bigint[], ats timestamptz[],
	kinds text[], paths text[], attempts int[], datas text[], worker uuid, mac bytea)
returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
	message text;
begin
	select stepwell.signed_member(pg_current_xact_id()::text)
		|| stepwell.signed_member(pg_backend_pid()::text)
		|| stepwell.signed_member(session_user::text)
		|| stepwell.signed_member(run::text) || stepwell.signed_member(worker::text)
		|| string_agg(stepwell.signed_member(e.seq::text)
			|| stepwell.signed_member((extract(epoch from e.at) * 1000000)::bigint::text)
			|| stepwell.signed_member(e.kind) || stepwell.signed_member(e.path)
			|| stepwell.signed_member(e.attempt::text) || stepwell.signed_member(e.data),
			'' order by e.n)
	into message
	from unnest(seqs, ats, kinds, paths, attempts, datas) with ordinality
		as e (seq, at, kind, path, attempt, data, n);
	if not exists (select from stepwell.pool_secret s
		where sha256(s.key || sha256(s.key || convert_to(message, 'UTF8'))) = mac) then
		raise exception 'this is not what a worker of the pool has signed' using errcode = '28000';
	end if;
	if not exists (select from (select max(j.seq) as seq from stepwell.entry j where j.run_id = run) l
		cross join lateral (select j.data from stepwell.entry j where j.run_id = run
			and j.kind = 'claimed' order by j.seq desc limit 1) c
		where l.seq = seqs[1] - 1 and strpos(c.data, '"' || worker || '"') > 0) then
		raise exception 'the journal is not where its owner believes it to be' using errcode = '22012';
	end if;
	insert into stepwell.entry (run_id, seq, at, kind, path, attempt, data)
	select run, e.seq, e.at, e.kind, e.path, e.attempt, e.data
	from unnest(seqs, ats, kinds, paths, attempts, datas) as e (seq, at, kind, path, attempt, data);
end
$$;
revoke all on function stepwell.append_step(uuid, bigint[], timestamptz[], text[], text[], int[],
	text[], uuid, bytea), stepwell.signed_member(text) from public;
