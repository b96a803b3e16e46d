"""Roles: what those who only start runs, or only look, can do besides (60), also with objects of their own that
are named as the functions' own words."""
import json

from catalogue import case
from harness import check, check_landed, wait_for
from judges import Verdict, all_completed, journal_is_whole

# Runs statements one by one; of those that succeed nothing stays, but their texts.
TRY = """
create temp table outcome (statement text, state text);
do $do$
declare one text;
begin
	foreach one in array %s loop
		begin
			execute one;
			raise sqlstate 'ZZ999';
		exception when others then
			insert into outcome values (one, sqlstate);
		end;
	end loop;
end $do$;
select coalesce(json_agg(outcome), '[]') from outcome;
"""
REFUSED = ("42501", "42P01", "0A000", "42809")  # no right; nothing there; not possible; of another kind
ABUSES = ["select * from stepwell.{0} limit 1", "insert into stepwell.{0} default values", "delete from stepwell.{0}",
          "update stepwell.{0} set ctid = ctid", "truncate stepwell.{0}", "lock table stepwell.{0} in share mode",
          "drop table stepwell.{0}", "alter table stepwell.{0} add column evil int",
          "create index on stepwell.{0} ((1))", "create trigger evil before insert on stepwell.{0} execute function "
          "pg_catalog.suppress_redundant_updates_trigger()",
          "copy stepwell.{0} to '/tmp/evil'", "create rule evil as on insert to stepwell.{0} do instead nothing",
          "grant select on stepwell.{0} to public", "comment on table stepwell.{0} is 'evil'"]


class Login:
    """A role of its own that may log in."""

    def __init__(self, world, db, name, grants):
        self.db, self.name = db, "%s_%s" % (db.name, name)
        db.psql("create role %s login; grant usage on schema stepwell to %s;" % (self.name, self.name)
                + "".join("grant %s to %s;" % (grant, self.name) for grant in grants))
        world.ends.append(lambda: db.psql("drop owned by %s; drop role %s" % (self.name, self.name)))

    def psql(self, sql):
        return self.db.psql(sql, self.name)


def objects(db):
    """Tables, and functions as they are called; all of the schema."""
    tables = db.rows("select relname as name from pg_class c where relnamespace = 'stepwell'::regnamespace and "
                     "relkind in ('r', 'p')")
    functions = db.rows(
        "select p.oid::regprocedure::text as signature, proname as name, array(select format('null::%s', t::regtype) "
        "from unnest(proargtypes) t) as arguments from pg_proc p where pronamespace = 'stepwell'::regnamespace")
    return [r["name"] for r in tables], functions


def abuses(db, role, allowed):
    """Statements that the role must not be able to run."""
    tables, functions = objects(db)
    found = [abuse.format(name) for name in tables for abuse in ABUSES]
    for f in functions:
        found.append("alter function %s rename to evil" % f["signature"])
        found.append("drop function %s" % f["signature"])
        if f["name"] not in allowed:
            found.append("create or replace function %s returns void language sql as ''" % f["signature"])
    found += ["create table stepwell.evil ()", "create function stepwell.evil() returns int language sql as 'select 1'",
              "drop schema stepwell cascade", "alter schema stepwell rename to evil", "set role postgres",
              "alter role %s superuser" % role, "create view stepwell.evil as select 1",
              "set session authorization postgres", "copy (select 1) to program 'touch /tmp/evil'",
              "set stepwell.worker = 'x'; select pg_terminate_backend(pid) from pg_stat_activity where "
              "usename = 'postgres'",
              "select stepwell.gc('0'::interval, false)", "select stepwell.make_partitions()",
              "alter view stepwell.runs rename to evil", "drop view stepwell.journal"]
    return found


def try_all(login, statements):
    array = "array[%s]" % ", ".join("$s$%s$s$" % s for s in statements)
    return [(o["statement"], o["state"]) for o in json.loads(login.psql(TRY % array))]


STARTING = ["execute on function stepwell.start(text, json, text)", "execute on function stepwell.emit(json)",
            "execute on function stepwell.start_batch(text, json[], text[])"]
LOOKING = ["select on stepwell.runs", "select on stepwell.steps", "select on stepwell.journal"]


@case(60)
def roles_do_no_more(world):
    """Two logins of the documents, one that starts runs and one that looks: everything else is refused."""
    db, verdict = world.db, Verdict()
    db.apply("plain", [{"s": {"set": {"a": 1}}}])
    before = db.psql("select count(*) from pg_class; select count(*) from pg_proc; select count(*) from pg_trigger")
    client, reader = Login(world, db, "client", STARTING), Login(world, db, "reader", LOOKING)
    tried = 0
    for login, more in ((client, ["select * from stepwell.runs", "select * from stepwell.journal"]),
                        (reader, ["select stepwell.start('crash/plain')", "select stepwell.emit('{}'::json)"])):
        statements = abuses(db, login.name, ()) + more
        world.random.shuffle(statements)
        outcomes = try_all(login, statements)
        tried += len(outcomes)
        verdict.that(len(outcomes) == len(statements), "I9: %d of %d statements were tried", len(outcomes),
                     len(statements))
        verdict.none([(s, state) for s, state in outcomes if state == "ZZ999"], "I9: %s could" % login.name)
        odd = [(s, state) for s, state in outcomes if state not in REFUSED + ("ZZ999",)]
        verdict.none(odd[:5], "I9: refused for another reason")
    # What they may, they can.
    client.psql("select stepwell.start('crash/plain', '{}', 'k')")
    check(reader.psql("select count(*) from stepwell.runs") == "1", "I9: the reader sees no run")
    after = db.psql("select count(*) from pg_class; select count(*) from pg_proc; select count(*) from pg_trigger")
    verdict.that(before == after, "I9: something was made: %s, then %s", before, after)
    verdict.end()
    world.inject(tried)
    world.land(tried)
    world.checked(tried)


# A function in the schema `evil` for each of pg_catalog's that the text of a function of ours mentions, with the same
# arguments and result; a call of one is counted. And some operators, and tables named as ours.
SHADOW = """
create schema evil;
create table evil.called (name text);
create sequence evil.calls;
create function evil.hit(name text) returns void language plpgsql set search_path = evil, pg_catalog
	as $$ begin perform pg_catalog.nextval('evil.calls'); end $$;
do $do$
declare f record; t text;
begin
	for f in select distinct p.oid, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
			pg_catalog.pg_get_function_result(p.oid) as result from pg_catalog.pg_proc p
			where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and exists (
				select from pg_catalog.pg_proc o where o.pronamespace = 'stepwell'::regnamespace
				and o.prosrc ~ ('\\m' || p.proname || '\\(')) loop
		begin
			execute format('create function evil.%%I(%%s) returns %%s language plpgsql as $f$ begin perform '
				'evil.hit(%%L); raise exception ''evil''; end $f$', f.proname, f.arguments, f.result, f.proname);
		exception when others then null;
		end;
	end loop;
	foreach t in array array['text', 'uuid', 'int8', 'int4', 'timestamptz', 'bool'] loop
		execute format('create function evil.same(a %%1$s, b %%1$s) returns bool language plpgsql as $f$ begin perform '
			'evil.hit(''=''); return true; end $f$; create operator evil.= (leftarg = %%1$s, rightarg = %%1$s, '
			'function = evil.same)', t);
	end loop;
	foreach t in array array['run', 'lease', 'entry', 'definition', 'start_key', 'event', 'worker'] loop
		execute format('create table evil.%%1$I (like stepwell.%%1$I); grant all on evil.%%1$I to public', t);
	end loop;
end $do$;
grant usage on schema evil to public;
grant all on sequence evil.calls to public;
grant execute on all functions in schema evil to public;
"""


@case(60)
def search_path_shadows(world):
    """A client puts functions, operators and tables of its own before everything else: the functions of ours that
    run with their owner's rights call none of them, and write where they always do."""
    db, verdict = world.db, Verdict()
    db.apply("plain", [{"s": {"set": {"a": 1}}}])
    client = Login(world, db, "client", STARTING)
    db.psql(SHADOW.replace("%%", "%"))
    shadows = db.count("pg_proc where pronamespace = 'evil'::regnamespace")
    check_landed(shadows > 20, "only %d functions have a shadow", shadows)
    path = "set search_path = evil, pg_catalog, stepwell; set check_function_bodies = off; "
    temporary = "".join("create temp table %s (like evil.%s); " % (t, t)
                        for t in ("run", "lease", "entry", "start_key"))
    check(client.psql(path + "select 'a' = 'b'::text") == "t", "the operator has no shadow")
    calls = "(select case when is_called then last_value else 0 end from evil.calls)"
    known = int(db.value("select " + calls))
    check_landed(known == 1, "a shadow was called, and not counted")
    count = world.size(30, 300, 3000)
    for n in range(count):
        order = world.random.choice((
            "select stepwell.start('crash/plain', '{\"n\": %d}')",
            "select stepwell.start('crash/plain', '{\"n\": %d}', 'k%d')",
            "select stepwell.start_batch('crash/plain', array['{}']::json[], array['b%d'])",
            "select stepwell.emit('{\"id\": \"%d\", \"source\": \"/s\", \"type\": \"t\"}'::json)"))
        order = order.replace("%d", str(n))
        world.plan("%s", order)
        client.psql(path + temporary + order)
        world.inject()
        world.land()
    verdict.that(int(db.value("select " + calls)) == known, "I9: shadows were called with the owner's rights")
    for table in ("run", "lease", "entry", "start_key"):
        verdict.that(db.count("evil." + table) == 0, "I9: rows in the shadow of %s", table)
    verdict.end()
    runs = db.count("stepwell.runs")
    check_landed(runs > count // 3, "only %d runs were started", runs)
    with world.pool(1) as pool:
        db.wait_idle(20)
        pool.drain()
    all_completed(db, runs)
    journal_is_whole(db)
    world.checked(count)
    world.note("%d shadows", shadows)


# Signs for the caller what it is told, with the pool's key: the attacker that has it sign one thing and append another.
SIGN = """
create function public.sign(member text[]) returns bytea language sql security definer as $$
	select sha256(s.key || sha256(s.key || convert_to((select string_agg(stepwell.signed_member(m), '' order by n)
		from unnest(member) with ordinality as e (m, n)), 'UTF8')))
	from stepwell.pool_secret s order by made_at desc limit 1 $$;
create function public.attempt(told text[], appended text[], cut int) returns text language plpgsql as $$
declare
	a text[] := appended;
	signed text[] := array[coalesce(told[1], pg_current_xact_id()::text), coalesce(told[2], pg_backend_pid()::text),
		coalesce(told[3], session_user)] || told[4:];
begin
	perform stepwell.append_step(a[1]::uuid, array[a[3]::bigint], array[to_timestamp(a[4]::bigint / 1000000)],
		array[a[5]], array[a[6]], array[a[7]::int], array[a[8]], a[2]::uuid, substr(public.sign(signed), 1, cut));
	raise sqlstate 'ZZ999';
exception when others then return sqlstate;
end $$;
"""


@case(60)
def appends_are_signed(world):
    """A login of authors, told of a run all that there is to know, and given signatures of all that differs in one member
    from what it appends: of another transaction, process, login, run, worker, entry; shifted, cut, empty, by hash alone."""
    db, verdict = world.db, Verdict()
    db.apply("nap", [{"s": {"wait": {"days": 1}}}])
    db.start("nap", 2)
    worker = world.worker()
    claims = "select run_id, max(seq) + 1 as seq from stepwell.entry where run_id in (select run_id from stepwell.entry " \
             "where data like '%/do/0/s%') group by run_id order by run_id"
    wait_for(lambda: len(db.rows(claims)) == 2, 30, "both wait")
    author = Login(world, db, "author", ["execute on function stepwell.append_step(uuid, bigint[], timestamptz[], text[], "
                                         "text[], int[], text[], uuid, bytea)"])
    db.psql(SIGN)
    victim, other = db.rows(claims)
    right = [victim["run_id"], worker.id(), str(victim["seq"]), "1760000000000000", "completed", "/do/0/s", "1",
             '[{"op":"completed","path":"/do/0/s"}]']
    changes = [(1, "7"), (2, "1"), (3, "postgres"), (4, other["run_id"]), (5, other["run_id"]), (6, "99"), (7, "1760000000000001"),
               (8, "complete"), (9, "/do/0/t"), (9, None), (10, "2"), (10, None), (11, right[7][:-1]), (11, "[]"), (11, "")]
    true = [None] * 3 + right
    whole = [(true[:n - 1] + [v] + true[n:], 32) for n, v in changes]
    whole += [(true[:7] + ["complete", "d/do/0/s"] + true[9:], 32), (true, 31), (true, 16), (true, 0)]
    world.random.shuffle(whole)

    def attempt(told, cut):
        told, appended = (", ".join("null" if t is None else "$t$%s$t$" % t for t in texts) for texts in (told, right))
        return author.psql("select public.attempt(array[%s], array[%s], %d)" % (told, appended, cut))
    for told, cut in whole:
        world.plan("%d bytes of the signature of %s", cut, told)
        state = attempt(told, cut)
        verdict.that(state == "28000", "I9: %d bytes of the signature of %s do for %s: %s", cut, told, right, state)
    check_landed(attempt(true, 32) == "ZZ999", "what was signed is not accepted: nothing was shown")
    verdict.end()
    world.inject(len(whole))
    world.land(len(whole))
    world.checked(len(whole))
