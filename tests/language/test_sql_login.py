#!/usr/bin/env python3
"""`--sql-login`: what authors who are not trusted can do by `call: sql`, tried from the inside.

    test_sql_login.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs. In each case the worker has a role of its own, the authors' statements another, and a
run of somebody else's has an input and a journal that they must neither see nor change."""
import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from cli_world import PATIENCE, main, post  # noqa: E402
from harness import ROOT, check, wait_for  # noqa: E402
from test_sql_steps import COMMITS, do, entries, loses_its_server, of_its_own, sql  # noqa: E402

CANARY = "canary-5f0d1c"
LEASE = ("--lease", "3s", "--heartbeat", "300ms")


class Place:
    """Roles and logins of one case: `hand` works, `steps` are the authors' of namespace cli."""

    def __init__(self, w):
        self.w = w
        self.hand, self.steps = (w.server.mark + w.name + "_" + what for what in ("hand", "steps"))
        w.sql("create role {0} login; create role {1} login connection limit 20; grant {1} to {0}; "
              "grant usage on schema stepwell to {0}, {1}; grant all on all tables in schema stepwell to {0}; "
              "grant execute on all functions in schema stepwell to {0}; "
              "grant execute on function stepwell.append_step to {1}; create schema app authorization {1}; "
              "set role {1}; create table app.loot (who text, what text); "
              "create function app.loot(text) returns int language sql as 'insert into app.loot values (current_user, $1) "
              "returning 1'".format(self.hand, self.steps))
        w.stack.callback(lambda: w.sql("drop owned by {0}, {1}; drop role {0}; drop role {1}".format(self.hand, self.steps)))
        self.victim = self.start("victim", [{"nap": {"wait": {"days": 1}}}], "--input", '{"x": "%s"}' % CANARY)
        w.expect(0, "worker", "--until-idle", "--poll", "50ms", "--db", self.as_role(self.hand))
        self.before, self.worker = self.journal(), None

    def as_role(self, role):
        return re.sub(r"user=\S+", "user=" + role, self.w.conninfo)

    def journal(self):
        return self.w.sql("select string_agg(e::text, chr(10) order by seq) from stepwell.entry e where run_id = '%s'" % self.victim)

    def start(self, name, tasks, *words):
        return self.w.expect(0, "start", self.w.file(name, tasks), *words).id

    def flags(self):
        return ["--db", self.as_role(self.hand), "--poll", "50ms", "--sql-login", "cli=" + self.as_role(self.steps), *LEASE]

    def run(self, name, statement, status="completed", text=""):
        """A step with the statement and one behind it, to its end; what it had recorded stays the authors' own."""
        step = statement if isinstance(statement, dict) else sql(statement, "count")
        run = self.start(name, [{"evil": step}, {"next": {"set": {"done": True}}}])
        if not self.worker:
            self.worker = self.w.spawn("worker", *self.flags())
        end = wait_for(lambda: self.w.sql("select status from stepwell.run where id = '%s'" % run), PATIENCE, name + " ends")
        check(end == status, "%s: %s\n%s", name, end, entries(self.w, run, "string_agg(data, chr(10) order by seq)"))
        check(text in entries(self.w, run, "string_agg(data, '')"), "%s: not %s", name, text)
        check(int(entries(self.w, run)) <= 8, "%s: %s entries", name, entries(self.w, run))
        self.judge(name)
        return run

    def judge(self, name):
        check(self.journal() == self.before, "%s: another run's journal is changed", name)
        loot = self.w.sql("select who, what from app.loot")
        check(CANARY not in loot, "%s: another run's input is seen: %s", name, loot)
        others = self.w.sql("select * from app.loot where who <> '%s'" % self.steps)
        check(not others, "%s: the author's code ran as somebody else: %s", name, others)
        alive = self.w.sql("select count(*) from pg_roles where rolname in ('%s', '%s') and not (rolsuper or rolcreaterole)"
                           % (self.hand, self.steps))
        check(alive == "2", "%s: the roles have changed", name)


# Where they stand, nothing is gained, though it is no error.
HARMLESS = {"reset role": "", "reset session authorization": "", "set role none": "", "notify stepwell, 'x'": "",
            "select pg_logical_emit_message(false, 'x', 'y')": "", "create temp table entry (n int)": "",
            "select pg_advisory_lock(7018969)": "", "select lo_create(0)": "", "listen stepwell": "",
            "alter role %(steps)s set synchronous_commit = off": "", "alter role %(steps)s set search_path = app": "",
            "select count(*) from pg_stat_activity where query like '%%canary%%'": "0",
            "select string_agg(query, ' ') from pg_stat_activity where usename = '%(hand)s' and query <> '<insufficient privilege>'":
                "<NULL>",
            "select bool_or(pg_terminate_backend(pid)) from pg_stat_activity where usename = '%(steps)s' and pid <> pg_backend_pid()": "*"}

REFUSED = """set role %(hand)s
set session authorization %(hand)s
set session authorization postgres
set role postgres
select input from stepwell.run
select data from stepwell.entry
select key from stepwell.pool_secret
select input from stepwell.runs
select * from stepwell.steps
select * from stepwell.journal
insert into stepwell.entry select '%(victim)s', 99, now(), 'x', null, null, '[]'
update stepwell.lease set request = 'cancel'
delete from stepwell.lease
truncate stepwell.entry
lock table stepwell.entry in share mode
select stepwell.start('cli/victim')
select stepwell.emit('{}')
select stepwell.gc('1 s')
select stepwell.make_partitions()
select stepwell.signed_member('x')
select stepwell.append_step('%(victim)s', '{9}', array[now()], '{x}', '{x}', '{1}', '{[]}', '%(victim)s', '')
select stepwell.append_step('%(victim)s', '{9}', array[now()], '{x}', '{x}', '{1}', '{[]}', '%(victim)s', sha256(''))
create function stepwell.x() returns int language sql as 'select 1'
create or replace function stepwell.signed_member(value text) returns text language sql as 'select 1::text'
drop function stepwell.append_step
alter function stepwell.append_step owner to %(steps)s
create trigger x before insert on stepwell.entry for each row execute function suppress_redundant_updates_trigger()
create rule x as on insert to stepwell.entry do instead nothing
create index on stepwell.entry (data)
create policy p on stepwell.entry
alter table stepwell.entry disable trigger all
create event trigger x on ddl_command_start execute function stepwell.append_step()
copy (select 1) to program 'touch %(folder)s/owned'
copy (select 1) to '%(folder)s/owned'
copy app.loot from '/etc/passwd'
copy app.loot from program 'id'
select pg_read_file('/etc/passwd')
select pg_ls_dir('/')
select lo_import('/etc/passwd')
select lo_export(1, '%(folder)s/owned')
create extension dblink
create extension postgres_fdw
create extension file_fdw
create extension plpython3u
create function app.c() returns int language c as 'libc', 'getpid'
create function app.i() returns int language internal as 'pg_backend_pid'
create language plperlu
load 'plpython3'
alter role %(steps)s superuser
alter role %(steps)s createrole
alter role %(steps)s set session_preload_libraries = 'x'
alter role %(hand)s password 'x'
alter role %(hand)s set search_path = app
create role other
grant %(hand)s to %(steps)s
grant select on stepwell.run to %(steps)s
alter system set fsync = off
select pg_reload_conf()
select pg_switch_wal()
select pg_create_restore_point('x')
select pg_create_logical_replication_slot('x', 'pgoutput')
select pg_promote()
create publication p for all tables
create subscription s connection '' publication p
prepare transaction 'x'
set session_replication_role = replica
set local log_statement = 'none'
set local lc_messages = 'C'
select pg_terminate_backend(pid) from pg_stat_activity where usename = '%(hand)s'
select pg_cancel_backend(pid) from pg_stat_activity where usename = '%(hand)s'
select pg_stat_reset()
create database x
create tablespace x location '/tmp'
alter default privileges for role %(hand)s grant select on tables to %(steps)s
vacuum stepwell.entry
commit
rollback
savepoint x
security label on schema stepwell is 'x'
comment on schema stepwell is 'x'
reassign owned by %(hand)s to %(steps)s
drop owned by %(hand)s"""


def ways_out(w):
    """what a statement may try by itself is refused, or leads nowhere"""
    place = Place(w)
    names = {"hand": place.hand, "steps": place.steps, "victim": place.victim, "folder": w.dir}
    w.sql("set role %s; create function app.attempt(s text) returns void language plpgsql as $f$ declare r text; begin "
          "if s ~ '^select' then execute s into r; else execute s; end if; "
          "insert into app.loot values (current_user, s || ' => done ' || coalesce(r, '<NULL>')); "
          "exception when others then insert into app.loot values (current_user, s || ' => refused ' || sqlstate); end $f$" % place.steps)
    every = [s % names for s in [*REFUSED.splitlines(), *HARMLESS]]
    place.run("every", do("; ".join("perform app.attempt(%s)" % ("'" + s.replace("'", "''") + "'") for s in every)))
    found = dict(line.rsplit(" => ", 1) for line in w.sql("select what from app.loot").splitlines())
    check(set(found) == set(every), "not tried: %s", set(every) - set(found))
    done = [s for s in REFUSED.splitlines() if not re.match("refused (?!42601|42P0|42883)", found[s % names])]
    check(not done, "not refused: %s", [(s, found[s % names]) for s in done])
    for statement, wanted in HARMLESS.items():
        got = found[statement % names]
        check(wanted == "*" or got == "done " + (wanted or "<NULL>") or (not wanted and got.startswith("done")), "%s: %s", statement, got)
    check(not os.path.exists(w.dir + "/owned"), "a command was run")
    check(w.sql("select count(*) from pg_locks where locktype = 'advisory'") == "0", "a lock is left")


SPY = "create or replace function app.spy(v text) returns boolean language plpgsql as $f$ begin perform app.loot(v); return true; end $f$"
COUNT = "(select count(*) from stepwell.run)"
# What runs behind the statement's back, while the outcome is appended or committed: each with how the step ends.
BEHIND = {
    "domain": (SPY + "; execute 'create domain pg_temp.text as pg_catalog.text check (app.spy(value::pg_catalog.text))'; "
               "execute 'create domain pg_temp.uuid as pg_catalog.uuid check (app.spy(value::pg_catalog.text))'; "
               "execute 'create domain pg_temp.int8 as pg_catalog.int8 check (app.spy(value::pg_catalog.text))'", "completed"),
    "path": (SPY + "; create function app.unnest(anyarray) returns setof anyelement language sql as 'select 1'; "
             "create function app.max(int8) returns int8 language sql as 'select app.loot(''x'')::int8'; "
             "perform set_config('search_path', 'app, pg_catalog', false)", "completed"),
    "operator": ("create function app.eq(text, text) returns boolean language sql as 'select app.loot($1 || $2) = 1'; "
                 "create operator app.= (leftarg = text, rightarg = text, function = app.eq); "
                 "perform set_config('search_path', 'app, pg_catalog', false)", "completed"),
    "cursor": ("create function app.h() returns int language sql as $f$ select app.loot('held') $f$; "
               "execute 'declare hc cursor with hold for select app.h()'", "completed"),
    "cursor-that-looks": ("create function app.h() returns int language plpgsql as $f$ begin return " + COUNT +
                          "; end $f$; execute 'declare hc cursor with hold for select app.h()'", "completed"),
    "prepared": ("execute 'prepare x as select app.loot(''x'')'", "completed"),
    "temporary": ("create temp table run (n int); create temp table entry (n int); create temp view pool_secret as select 1 as key",
                  "completed"),
    "settings": ("perform set_config('client_encoding', 'LATIN1', true), set_config('role', 'none', false), "
                 "set_config('transaction_read_only', 'on', true), set_config('lock_timeout', '1ms', false), "
                 "set_config('synchronous_commit', 'off', false), set_config('row_security', 'off', false)", "faulted"),
    "encoding": ("perform set_config('client_encoding', 'LATIN1', true), set_config('client_encoding', 'LATIN1', false)", "completed"),
    "transaction": ("commit", "faulted"),
    "waits": ("perform pg_advisory_lock(7018969); listen stepwell; notify stepwell", "completed"),
    "large": ("perform lo_create(0)", "completed"),
}
# Deferred triggers that defer themselves again until the COMMIT, and there do this.
AT_COMMIT = {
    "look": ("perform app.loot('runs: ' || " + COUNT + ")", "faulted"),
    "secret": ("perform app.loot((select encode(key, 'hex') from stepwell.pool_secret))", "faulted"),
    "write": ("insert into stepwell.entry select '%(victim)s', 99, now(), 'x', null, null, '[]'", "faulted"),
    "role": ("perform set_config('role', '%(hand)s', true); perform app.loot('as another')", "faulted"),
    "setting": ("perform set_config('synchronous_commit', 'off', true), set_config('client_encoding', 'LATIN1', true); "
                "perform app.loot('at commit')", "completed"),
    "again": ("perform stepwell.append_step('%(victim)s', '{9}', array[now()], '{x}', '{x}', '{1}', '{[]}', '%(victim)s', '')", "faulted"),
    "fence": ("raise exception 'x' using errcode = '23505', schema = 'stepwell', table = 'entry', constraint = 'entry_pkey'", "faulted"),
    "unsigned": ("raise exception 'x' using errcode = '28000'", "faulted"),
    "owner": ("raise exception 'x' using errcode = '22012'", "faulted"),
    "queries": ("perform app.loot(string_agg(query, ' ')) from pg_stat_activity where pid = pg_backend_pid()", "completed"),
}


def behind_its_back(w):
    """what waits for the append or the commit runs as the author, sees nothing, and changes no outcome"""
    place = Place(w)
    names = {"victim": place.victim, "hand": place.hand}
    for name, (body, status) in BEHIND.items():
        place.run("b-" + name, do(body), status)
        w.sql("set role %s; drop schema app cascade; reset role; create schema app authorization %s; set role %s; "
              "create table app.loot (who text, what text); create function app.loot(text) returns int language sql as "
              "'insert into app.loot values (current_user, $1) returning 1'" % (place.steps, place.steps, place.steps))
    for name, (body, status) in AT_COMMIT.items():
        w.sql("set role %s; drop table if exists app.late; create table app.late (n int); create or replace function "
              "app.late() returns trigger language plpgsql as $f$ begin if new.n < 2 then set constraints all deferred; "
              "insert into app.late values (new.n + 1); else %s; end if; return null; end $f$; create constraint trigger t "
              "after insert on app.late deferrable initially deferred for each row execute function app.late()" % (
                  place.steps, body % names))
        run = place.run("c-" + name, "insert into app.late values (1)", status)
        wanted = {"completed": "2", "faulted": "0"}[status]
        check(w.sql("select count(*) from app.late") == wanted, "%s: rows without their outcome: %s", name, run)


def own_settings(w):
    """what a login sets for itself is beaten; one whose text another encoding would change arrives as it is"""
    place = Place(w)
    w.sql("".join("alter role %s set %s = '%s';" % (place.steps, *pair) for pair in (
        ("client_encoding", "LATIN1"), ("search_path", "app, pg_temp"), ("synchronous_commit", "off"),
        ("default_transaction_read_only", "on"), ("default_transaction_isolation", "serializable"), ("statement_timeout", "1ms"),
        ("lock_timeout", "1ms"), ("idle_in_transaction_session_timeout", "1ms"), ("standard_conforming_strings", "off"),
        ("array_nulls", "off"), ("DateStyle", "German, DMY"), ("TimeZone", "Asia/Kolkata"), ("exit_on_error", "on"))))
    run = place.start("own", [{"a": {**sql("select 'é' as word, current_user::text as who, timestamptz '2025-08-19T02:00:00+02' as t", "row"), "export": {"as": "."}}},
                              {"set": {**sql("select set_config('client_encoding', 'LATIN1', false)"), "output": {"as": "${ $context.word }"}}},
                              {"b": sql("select $1::text", parameters=["${ $context.word }"])}])
    w.expect(0, "worker", "--until-idle", *place.flags())
    check(w.status(run) == "completed", "%s", entries(w, run, "string_agg(data, chr(10) order by seq)"))
    steps = w.expect(0, "status", run, "-o", "json").json["steps"]
    check(steps[0]["output"] == {"word": "é", "who": place.steps, "t": "2025-08-19 00:00:00+00"}, "%s", steps[0])
    check(steps[1]["output"] == steps[2]["output"] == "é", "%s", steps[1:])


def exactly_once(w):
    """each step's row and its outcome are there together, once, whoever is killed; its worker's journal is the proof"""
    place = Place(w)
    w.sql("set role %s; create table app.effect (run text, n int)" % place.steps)
    task = sql("insert into app.effect values ($1, $2)", "count", parameters=["${ $workflow.id }", "${ $n }"])
    runs = [place.start("many", [{"each": {"for": {"each": "n", "in": "${ [range(15)] }"}, "do": [{"put": task}]}}]) for _ in range(6)]
    done = "select count(*) from app.effect"
    for goal in (15, 40, 65):
        worker = w.spawn("worker", *place.flags())
        wait_for(lambda: int(w.sql(done)) >= goal, PATIENCE, "it goes on")
        w.end(worker, signal.SIGKILL)
    w.expect(0, "worker", "--until-idle", *place.flags())
    check([w.status(run) for run in runs] == ["completed"] * 6, "%s", [w.status(run) for run in runs])
    check(w.sql("select count(*), count(distinct (run, n)) from app.effect") == "90|90", "%s", w.sql(done))
    left = "select count(*) from stepwell.session where slot like 'sql%'"
    worker = w.spawn("worker", *place.flags())  # one that was killed may be forgotten after its runs have ended
    wait_for(lambda: w.sql(left) == "0", PATIENCE, "no session is left")
    w.end(worker, signal.SIGTERM)
    check(w.sql(left) == "0", "sessions are left")
    place.judge("many")


@of_its_own
def durable(w, cluster):
    """an effect behind a commit that the author's code made asynchronous starts only when its intent is durable"""
    place, recorder = Place(w), w.recorder()
    w.sql("set role %s; %s" % (place.steps, re.sub(r"\b(made|at_commit)\b", r"app.\1", COMMITS)))
    path = w.file("durable", [{"a": sql("insert into app.made values (1)", "count")}, {"b": post(recorder.url + "/hold/gate/b")}])
    loses_its_server(w, cluster, recorder, path, lambda: w.spawn("worker", *place.flags()))
    check(w.sql("select count(*) from app.made") == "2", "the step's own effect is gone")


def one_for_each(w):
    """each namespace has its own login, and where there is none nothing is executed; a key is drawn anew by migrate"""
    place = Place(w)
    other = w.server.mark + w.name + "_other"
    w.sql("create role {0} login; grant usage on schema stepwell to {0}; grant execute on function stepwell.append_step to {0}; "
          "grant {0} to {1}".format(other, place.hand))
    w.stack.callback(lambda: w.sql("drop owned by {0}; drop role {0}".format(other)))
    runs = []
    for namespace in ("cli", "other", "third"):
        document = {"dsl": "1.0.3", "namespace": namespace, "name": "who", "version": "1.0.0"}
        runs.append(w.expect(0, "start", w.file("who", [{"a": sql("select session_user::text")}], namespace, document=document)).id)
    key = "select encode(key, 'hex') from stepwell.pool_secret order by made_at desc limit 1"
    before = w.sql(key)
    worker = w.spawn("worker", *place.flags(), "--sql-login", "other=" + place.as_role(other))
    for run, status in zip(runs, ("completed", "completed", "faulted")):
        w.wait_status(run, status)
    check([w.sql("select output from stepwell.runs where id = '%s'" % run) for run in runs[:2]] ==
          ['"%s"' % place.steps, '"%s"' % other], "another login")
    check("--sql-login third=CONNINFO" in entries(w, runs[2], "string_agg(data, '')"), "another fault")
    w.expect(0, "migrate")
    check(w.sql(key) != before and w.sql("select count(*) from stepwell.pool_secret") == "2", "the key is the same")
    again = place.start("again", [{"a": sql("select 1")}])
    w.wait_status(again, "completed")
    w.sql("delete from stepwell.pool_secret where encode(key, 'hex') = '%s'" % before)
    late = place.start("late", [{"a": sql("select 1")}])
    w.wait_status(late, "completed")
    w.end(worker, signal.SIGTERM)
    last = w.sql(key)
    w.expect(0, "migrate")
    w.expect(0, "migrate")
    check(w.sql("select count(*) from stepwell.pool_secret where encode(key, 'hex') = '%s'" % last) == "0" and
          w.sql("select count(*) from stepwell.pool_secret") == "2", "keys that nobody can have are there")
    for words in (["--sql-login", "x"], ["--sql-login", "x=a", "--sql-login", "x=b"]):
        w.fails(2, "--sql-login takes NAMESPACE=CONNINFO", "worker", *words)


def shared(w):
    """no two namespaces log in as one user, nor one as the worker, however that is written; the doctor sees it between workers"""
    place = Place(w)
    services = pathlib.Path(w.dir, "services")
    services.write_text("[one]\nuser=%s\n" % place.steps)
    same = [place.as_role(place.steps), "postgresql://%s@/x?host=/nowhere" % place.steps, "service=one",
            re.sub(r"user=\S+", "", w.conninfo)]
    for second in same:
        w.fails(2, '"other" logs in as "%s", as does namespace "cli"' % place.steps, "worker", *place.flags(), "--sql-login",
                "other=" + second, env={"PGSERVICEFILE": str(services), "PGUSER": place.steps})
    w.fails(2, 'as does the worker itself', "worker", *place.flags(), "--sql-login", "other=" + place.as_role(place.hand))
    document = {"dsl": "1.0.3", "namespace": "other", "name": "who", "version": "1.0.0"}
    ours = place.start("who", [{"a": sql("select 1")}])
    one = w.spawn("worker", *place.flags())
    w.wait_status(ours, "completed")
    one.send_signal(signal.SIGSTOP)  # or it would take what is the other's
    theirs = w.expect(0, "start", w.file("who", [{"a": sql("select 1")}], "other", document=document)).id
    two = w.spawn("worker", "--db", place.as_role(place.hand), "--sql-login", "other=" + place.as_role(place.steps))
    w.wait_status(theirs, "completed")
    found = [c for c in w.expect(1, "doctor", "-o", "json", "--db", place.as_role(place.hand)).json["checks"]
             if c["name"] == "sql-logins"][0]
    check(found["status"] == "problem" and "is the login of several namespaces: cli, other" in found["found"], "%s", found)
    one.send_signal(signal.SIGCONT)
    w.end(one, signal.SIGTERM)
    w.end(two, signal.SIGTERM)


def no_way_in(w):
    """a login that cannot be used is said, and its steps wait or fail with why"""
    place = Place(w)
    run = place.start("late", [{"a": sql("select 1")}])
    w.sql("revoke execute on function stepwell.append_step from %s" % place.steps)
    worker = w.spawn("worker", *place.flags())
    wait_for(lambda: "could not be committed" in w.sql("select coalesce(reason, '') from stepwell.lease where run_id = '%s'" % run),
             PATIENCE, "the reason stands there")
    w.sql("grant execute on function stepwell.append_step to %s" % place.steps)
    w.wait_status(run, "completed")
    check("permission denied" in w.end(worker, signal.SIGTERM).err, "not logged")
    w.sql("revoke select on stepwell.pool_secret from %s" % place.hand)
    place.run("unread", "select 1", "faulted", "cannot be used")


def compared(w):
    """the doctor says what a login may do beyond appending"""
    place = Place(w)

    def doctor(code, status, *texts):
        found = [c for c in w.expect(code, "doctor", "-o", "json", "--db", place.as_role(place.hand)).json["checks"]
                 if c["name"] == "sql-logins"][0]
        check(found["status"] == status and all(t in found["found"] for t in texts), "%s", found)
    doctor(1, "ok", place.steps)
    w.sql("alter role %s connection limit -1; revoke %s from %s" % (place.steps, place.steps, place.hand))
    doctor(1, "warning", "no connection limit", "is no member of it")
    for grant, revoke, text in (
            ("grant select on stepwell.run to %s", "revoke all on stepwell.run from %s", "rights on run"),
            ("grant create on schema stepwell to %s", "revoke create on schema stepwell from %s", "create in the schema"),
            ("grant execute on function stepwell.emit to %s", "revoke all on function stepwell.emit from %s", "may call emit"),
            ("grant pg_read_server_files to %s", "revoke pg_read_server_files from %s", "member of pg_read_server_files"),
            ("alter role %s createrole", "alter role %s nocreaterole", "createrole"),
            ("alter table stepwell.missed owner to %s", "alter table stepwell.missed owner to postgres", "owns missed"),
            ("grant " + place.hand + " to %s", "revoke " + place.hand + " from %s", "has the rights of a worker"),
            ("alter role %s superuser", "alter role %s nosuperuser", "is a superuser")):
        w.sql(grant % place.steps)
        doctor(1, "warning" if "worker" in text else "problem", text)
        w.sql(revoke % place.steps if "%s" in revoke else revoke)
    doctor(1, "warning")


def names_are_qualified(w):
    """what is sent in a session that others' code has run in names schema and operator of everything"""
    for name in ("prepare_step", "leave_role", "append_entries", "append_step", "check_owner", "calm_session"):
        text = re.sub("--.*", "", (ROOT / "sql" / "queries" / (name + ".sql")).read_text())
        text = re.sub(r"::\s*pg_catalog\.\w+|'[^']*'|operator\(pg_catalog\.[^)]+\)|pg_catalog\.\w+|stepwell\.\w+", " ", text)
        words = re.findall(r"::\s*\w+|\b(?!any\b|values\b|in\b|array\b|entry\b)\w+\s*\(|[-+/<>=~!@#%^&|]+", text)
        words = [v for v in words if not re.match(r"(1|s|where|coalesce|case|lateral|into|from|and|as|select|when|then|else|with|l|last|claim)\s*\(", v)]
        check(not words, "%s.sql: %s", name, words)


if __name__ == "__main__":
    main([ways_out, behind_its_back, own_settings, exactly_once, durable, one_for_each, shared, no_way_in, compared, names_are_qualified])
