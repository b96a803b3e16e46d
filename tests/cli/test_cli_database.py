#!/usr/bin/env python3
"""What the database, its settings, its callers and closed descriptors do to `wfctl` and to the interface by SQL.

    test_cli_database.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import concurrent.futures
import contextlib
import json
import pathlib
import re
import subprocess

from cli_world import PATIENCE, WFCTL, main
from harness import ROOT, check, wait_for
from settings import FOREIGN, ROLE_SETTINGS, is_known, pinned

SET = [{"a": {"set": {"got": "${ .n }"}}}]
NAP = [{"n": {"wait": "PT1H"}}]
WEEK = "date_trunc('week', clock_timestamp() at time zone 'UTC')"


def id_of(week, days=0, hours=0):
    return "stepwell.first_id((%s + interval '%d days' + interval '%d hours') at time zone 'UTC')" % (
        WEEK, 7 * week + days, hours)


# ---- Keys and orders ----

def key_version(w):
    """a key's first run answers for its own version, or where no version is named; never for another"""
    one, two = (w.file("s", SET, file="s" + v, version=v) for v in ("1.0.0", "2.0.0"))
    w.expect(0, "apply", one, two)
    first = w.expect(0, "start", "cli/s:1.0.0", "--key", "K").id
    for name in ("cli/s:1.0.0", "cli/s", "cli/s:latest", one):
        check(w.expect(0, "start", name, "--key", "K").id == first, "%s is another run", name)
    for name in ("cli/s:2.0.0", two):
        w.fails(5, "was used with version 1.0.0 by run " + first, "start", name, "--key", "K")
    check(w.sql("select stepwell.start('cli/s', null, 'K')") == first, "another run by SQL")
    w.sql("select stepwell.start('cli/s:2.0.0', null, 'K')", error="23505")
    w.sql("select stepwell.start_batch('cli/s:2.0.0', array[null]::json[], array['K'])", error="23505")
    check(w.sql("select stepwell.start_batch('cli/s:1.0.0', array[null]::json[], array['K'])") == first,
          "another run in a batch")
    check(w.sql("select count(*) from stepwell.run") == "1", "a run too many")


def losses_are_forgotten_once(w):
    """what is forgotten of a run's losses at a claim is not forgotten again at the next one"""
    w.expect(0, "apply", w.file("nap", NAP))
    run = w.expect(0, "start", "cli/nap").id
    worker = w.worker()
    w.wait_status(run, "waiting")
    w.sql("update stepwell.lease set losses = 4, lost_seq = -600, lost_at = clock_timestamp() - interval '25 minutes'")
    for claims in (2, 3, 4):
        w.sql("update stepwell.lease set due = clock_timestamp()")
        wait_for(lambda: w.sql("select count(*) from stepwell.entry where kind = 'claimed'") == str(claims) and
                 w.sql("select owner is null from stepwell.lease") == "t", PATIENCE, "it is claimed and released")
        check(w.sql("select losses from stepwell.lease") == "2", "two of four are forgotten once: %s, after %d claims",
              w.sql("select losses from stepwell.lease"), claims)
    w.end(worker, 15)


def cancel_stays(w):
    """an order of cancel is not taken back by suspend, resume or retry, and is carried out"""
    w.expect(0, "apply", w.file("nap", NAP))
    waiting, suspended = (w.expect(0, "start", "cli/nap").id for _ in range(2))
    worker = w.worker()
    for run in (waiting, suspended):
        w.wait_status(run, "waiting")
    w.expect(0, "suspend", suspended)
    w.wait_status(suspended, "suspended")
    w.end(worker, 15)
    for run in (waiting, suspended):
        w.expect(0, "cancel", run)
        for order in ("suspend", "resume", "retry"):
            w.expect(5, order, run, out="")
    for order in ("suspend", "resume", "retry"):
        w.fails(5, "to be cancelled", order, suspended)
    for sql in ("request_run", "resume_run", "retry_run"):  # an order that raced with the cancel
        text = (ROOT / "sql" / "queries" / (sql + ".sql")).read_text()
        types, values = {"request_run": ("text, text", "'suspend', 'x'"), "resume_run": ("text", "'x'"),
                         "retry_run": ("boolean, boolean, text", "false, false, 'x'")}[sql]
        w.sql("prepare p (uuid, %s) as %s; execute p ('%s', %s)" % (types, text, suspended, values))
        check(w.sql("select request from stepwell.lease where run_id = '%s'" % suspended) == "cancel",
              "%s took the order back", sql)
    w.expect(0, "cancel", waiting)
    w.worker()
    for run in (waiting, suspended):
        w.wait_status(run, "cancelled")


def cancel_of_a_retried_child(w):
    """a child that somebody retries is cancelled by its parent's end, if that comes before its own"""
    w.expect(0, "apply", w.file("bad", [{"r": {"raise": {"error": {
        "type": "https://example.com/bad", "status": 500}}}}, {"n": {"wait": "PT1H"}}]))
    w.expect(0, "apply", w.file("up", [{"t": {"try": [{"kid": {"run": {"workflow": {
        "namespace": "cli", "name": "bad", "version": "1.0.0"}}}}], "catch": {"retry": {
            "delay": {"hours": 1}, "limit": {"attempt": {"count": 3}}}}}}]))
    parent = w.expect(0, "start", "cli/up").id
    worker = w.worker()
    w.wait_status(parent, "waiting")
    child = w.sql("select id from stepwell.runs where parent_run_id = '%s'" % parent)
    w.wait_status(child, "faulted")
    w.end(worker, 15)
    w.expect(0, "retry", child)
    w.expect(0, "cancel", parent)
    w.sql("update stepwell.lease set due = 'infinity' where run_id = '%s'" % child)  # the parent comes first
    w.worker()
    for run in (parent, child):
        w.wait_status(run, "cancelled")


# ---- Weeks and snapshots ----

def bare(w, *weeks):
    """Drops the partitions of these weeks from now."""
    for week in weeks:
        w.sql("do $$ declare n text; begin foreach n in array array['run', 'entry'] loop execute format("
              "'drop table stepwell.%%I', n || to_char(%s + interval '%d days', '\"_\"IYYY\"w\"IW')); end loop; end $$"
              % (WEEK, 7 * week))


def starts_in_a_bare_week(w):
    """the first starts of a week without partitions, at the same time, succeed; at every isolation as it allows"""
    w.expect(0, "apply", w.file("nap", NAP))
    for isolation in ("read committed", "repeatable read", "serializable"):
        bare(w, 0, 1, 2)
        start = "begin isolation level %s; select stepwell.start('cli/nap', '{}', '%s' || pg_backend_pid()); commit" % (
            isolation, isolation)
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            done = [threads.submit(w.server.psql, w.conninfo, start) for _ in range(8)]
        for one in done:
            check(one.result().returncode == 0 or isolation == "serializable" and "40001" in one.result().stderr,
                  "%s: %s", isolation, one.result().stderr)
        begun = sum(one.result().returncode == 0 for one in done)
        check(w.sql("select count(*) from stepwell.runs") == str(begun) and begun, "%d runs", begun)
        w.sql("delete from stepwell.lease; delete from stepwell.start_key")
    bare(w, 0, 1, 2)
    holder = subprocess.Popen([w.server.bin + "/psql", "-qXAt", "-d", w.conninfo], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    w.stack.callback(holder.stdout.close)
    w.stack.callback(holder.wait)
    w.stack.callback(holder.kill)
    holder.stdin.write("begin; select stepwell.start('cli/nap');\n")
    holder.stdin.flush()
    check(holder.stdout.readline().strip(), "the first start")
    second = w.spawn("start", "cli/nap")
    wait_for(lambda: w.sql("select count(*) from pg_stat_activity where datname = current_database() and "
                           "application_name = 'wfctl' and wait_event_type = 'Lock'") == "1", PATIENCE, "it waits")
    holder.stdin.write("rollback;\n")
    holder.stdin.close()
    done = w.end(second, 0)
    check(done.code == 0 and w.status(done.id) == "pending", "the first was undone: %s", done)


def partitions_with_other_bounds(w):
    """what partitions with wrong bounds leave over is made; all ids of the three weeks have their place"""
    w.expect(0, "apply", w.file("nap", NAP))
    bare(w, 0, 1, 2)
    for parent in ("run", "entry"):
        w.sql("do $$ begin execute format('create table stepwell.%s_' || to_char(%s, 'IYYY\"w\"IW') || ' partition of "
              "stepwell.%s for values from (%%L) to (%%L)', %s, %s); execute format('create table stepwell.%s_' || "
              "to_char(%s + interval '7 days', 'IYYY\"w\"IW') || ' partition of stepwell.%s for values from (%%L) to "
              "(%%L)', %s, %s); end $$" % (parent, WEEK, parent, id_of(0), id_of(0, hours=1), parent, WEEK, parent,
                                           id_of(1, hours=-1), id_of(2, hours=1)))
    w.sql("select stepwell.make_partitions()")
    gaps = w.sql("select count(*) from generate_series(0, 2) i, unnest(array['run', 'entry']) parent, lateral "
                 "stepwell.partition_gap(parent, %s + i * interval '7 days')" % WEEK)
    check(gaps == "0", "%s gaps", gaps)
    names = w.sql("select string_agg(name, ',') from stepwell.partition_bounds('run')")
    w.sql("select stepwell.make_partitions()")
    check(w.sql("select string_agg(name, ',') from stepwell.partition_bounds('run')") == names, "made twice")
    w.expect(0, "start", "cli/nap")


def gc_by_bounds(w):
    """what is dropped, and what is needed, goes by the bounds of partitions, whatever their names are"""
    w.expect(0, "apply", w.file("nap", NAP))
    for parent in ("run", "entry"):  # a week of summer time, as a session in Berlin would have made it
        w.sql("create table stepwell.{0}_2020w13 partition of stepwell.{0} for values from "
              "(stepwell.first_id('2020-03-23 00:00Z')) to (stepwell.first_id('2020-03-30 01:00Z'))".format(parent))
    active = w.sql("select ids_out[1] from stepwell.create_runs(stepwell.find_definition_id('cli/nap'), array['{}'], "
                   "array['k'], array[overlay(stepwell.new_id()::text placing left(stepwell.first_id("
                   "'2020-03-30 00:30Z')::text, 13) from 1 for 13)::uuid], null, null, null)")
    for zone in ("UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"):
        got = w.sql("set timezone = '%s'; select weeks, runs, kept from stepwell.gc('30 days', %s)" % (
            zone, "true" if zone != "Australia/Lord_Howe" else "false"))
        check(got == "1|0|1", "%s: %s", zone, got)
    check(w.sql("select (select count(*) from stepwell.entry) || ' ' || id from stepwell.run") == "1 " + active, "lost")
    check(w.sql("select stepwell.start('cli/nap', '{}', 'k')") == active, "its key was lost")


def locks_of_a_stranger(w):
    """a login without any right of ours hangs neither migrate nor gc"""
    role = w.server.mark + "stranger"
    w.sql("create role %s login" % role)
    psql = subprocess.Popen([w.server.bin + "/psql", "-qXAt", "-d", w.conninfo.replace("user=postgres", "user=" + role)],
                            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for end in (lambda: w.sql("drop role " + role), psql.stdout.close, psql.wait, psql.kill):
        w.stack.callback(end)
    locks = w.sql("begin; select stepwell.gc('30 days'); select stepwell.make_partitions(); select count(*) from pg_locks "
                  "where locktype = 'advisory' and pid = pg_backend_pid(); commit").splitlines()[-1]
    check(locks == "0", "%s advisory locks, which any login can take", locks)
    psql.stdin.write("".join("select pg_advisory_lock(%s);\n" % key for key in [
        "7018969", "hashtext('stepwell.gc')"]) + "\\echo held\n")
    psql.stdin.flush()
    for line in psql.stdout:
        if line == "held\n":
            break
    w.expect(0, "migrate", env={"PGOPTIONS": "-c statement_timeout=5s"})
    w.expect(0, "gc", "--older-than", "30d")
    w.sql("set statement_timeout = '5s'; select stepwell.make_partitions()")


def first_migrations(w):
    """the first migration of a database waits for no lock that any login can take, and for another one at the same time"""
    db = w.server.create("fresh")
    holder = subprocess.Popen([w.server.bin + "/psql", "-qXAt", "-d", db], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for end in (holder.stdout.close, holder.wait, holder.kill):
        w.stack.callback(end)
    holder.stdin.write("select pg_advisory_lock(7018969);\n\\echo held\n")
    holder.stdin.flush()
    while holder.stdout.readline() != "held\n":
        pass
    all = [w.spawn("migrate", "--db", db, env={"PGOPTIONS": "-c statement_timeout=20s"}) for _ in range(3)]
    done = [w.end(p, 0) for p in all]
    check([r.code for r in done] == [0, 0, 0], "%s", "\n".join(map(str, done)))
    check(sum("applied" not in r.out for r in done) == 2, "%s", "\n".join(map(str, done)))


def gc_isolation(w):
    """gc in a transaction with a snapshot of its own is refused, also by the role's default"""
    for isolation in ("repeatable read", "serializable"):
        w.sql("begin isolation level %s; select stepwell.gc('30 days')" % isolation, error="25001")
        w.sql("set default_transaction_isolation = '%s'; select stepwell.gc('30 days', true)" % isolation,
              error="25001")
    for isolation in ("read committed", "read uncommitted"):
        w.sql("begin isolation level %s; select stepwell.gc('30 days')" % isolation)


# ---- Rights and settings ----

def schema_made_beforehand(w):
    """who owns the schema migrates without a right to the database"""
    role = w.server.mark + "owner"
    db = w.server.create("given")
    name = db.rpartition("dbname=")[2]
    w.sql("create role %s login; revoke create on database %s from public" % (role, name))
    try:
        given = w.server.psql(db, "create schema stepwell authorization %s" % role)
        check(given.returncode == 0, "%s", given.stderr)
        theirs = db.replace("user=postgres", "user=" + role)
        printed = w.expect(0, "migrate", "--print").out
        done = w.server.psql(theirs, printed.replace("\ncommit;\n", "\nrollback;\n"))
        check(done.returncode == 0, "--print: %s", done.stderr)
        w.expect(0, "migrate", "--db", theirs, out="migrations applied", err="")
        w.expect(0, "run", w.file("s", SET), "--input", '{"n": 1}', "--db", theirs, out='"got":1')
    finally:
        for sql in ("drop schema if exists stepwell cascade", "drop owned by %s; drop role %s" % (role, role)):
            w.server.psql(db, sql)


def foreign_settings(w):
    """where a database has other settings of what text means, all is as elsewhere: by wfctl and by SQL"""
    db = w.server.create("foreign")
    w.server.psql(w.server.base, "".join("alter database %s set %s = '%s';\n" % (
        db.rpartition("dbname=")[2], name, value) for name, value in FOREIGN.items()))
    w.conninfo = db
    env = {"DATABASE_URL": db}
    w.expect(0, "migrate", env=env, err="")
    path = w.file("s", [{"a": {"set": {"got": "${ .n }", "nul": "a\u0000b", "back": "\\u0041\\"}}}, {"b": {"listen": {
        "to": {"one": {"with": {"type": "t"}}}}}}])
    w.expect(0, "apply", path, env=env)
    given = json.dumps({"n": "\u0000\\"})
    run = w.expect(0, "start", "cli/s", "--input", given, "--key", "k", env=env).id
    check(w.sql("select stepwell.start('cli/s', $$%s$$, 'k')" % given) == run, "another run")
    w.sql("select stepwell.emit($${\"id\": \"1\", \"source\": \"/s\", \"type\": \"t\", \"data\": \"\\u0000\\\\\"}$$)")
    w.expect(0, "worker", "--until-idle", "--poll", "50ms", env=env)
    status = w.expect(0, "status", run, "-o", "json", env=env).json
    check(status["output"] == ["\u0000\\"], "%s", status)
    check(status["steps"][0]["output"] == {"got": "\u0000\\", "nul": "a\u0000b", "back": "\\u0041\\"}, "%s", status)
    bad = w.file("bad", [{"q": {"call": "sql", "with": {"statement": "select 1/0"}}}])
    w.expect(10, "run", bad, "--allow-sql", "--timeout", "20s", env=env, err="22012")  # exit_on_error must not end its session
    w.expect(0, "list", env=env, out=run)
    w.expect(0, "gc", "--older-than", "30d", env=env)


def role_of_a_login(w):
    """a login whose sessions begin with another role works as that role, steps by `call: sql` included"""
    owner, login = w.server.mark + "roled_owner", w.server.mark + "roled_login"
    database = w.server.create("roled").rpartition("dbname=")[2]
    w.sql("create role %s; create role %s login noinherit; grant %s to %s; alter role %s set role = '%s'; "
          "alter database %s owner to %s" % (owner, login, owner, login, login, owner, database, owner))
    w.stack.callback(lambda: w.sql("drop database %s with (force); drop role %s; drop role %s" % (database, login, owner)))
    env = {"DATABASE_URL": w.conninfo.rpartition("dbname=")[0].replace("user=postgres", "user=" + login) + "dbname=" + database}
    w.expect(0, "migrate", env=env)
    statement = "select current_user::text as who, set_config('role', 'none', false) is null as none"
    path = w.file("s", [{"a": {"call": "sql", "with": {"statement": statement}}}, {"b": {"set": {"x": 1}}}])
    w.expect(0, "apply", path, env=env)
    run = w.expect(0, "start", "cli/s", env=env).id
    w.expect(0, "worker", "--until-idle", "--poll", "50ms", "--allow-sql", env=env)
    status = w.expect(0, "status", run, "-o", "json", env=env).json
    check(status["status"] == "completed" and owner in json.dumps(status["steps"][0]["output"]), "%s", status)


def settings_are_known(w):
    """of each setting that a role may have, this version knows whether it changes what text or a commit means"""
    names = w.sql("select name from pg_settings where context in ('user', 'superuser', 'backend', "
                  "'superuser-backend') and name not like '%.%'").split()
    unknown = [name for name in names if not is_known(name)]
    check(not unknown, "say in tests/faults/settings.py what these mean for us: %s", unknown)
    check(set(pinned()) == set(ROLE_SETTINGS["pinned"]), "pinned: %s", sorted(pinned()))
    check(set(FOREIGN) <= set(pinned()), "not pinned: %s", set(FOREIGN) - set(pinned()))
    values = w.sql("".join("set %s = '%s';\n" % item for item in FOREIGN.items()) + "prepare p (int) as %s; execute p (null); "
                   "select current_setting(n) from unnest('{%s}'::text[]) n" % (
                       (ROOT / "sql" / "queries" / "pin_settings.sql").read_text(), ",".join(FOREIGN))).splitlines()
    wrong = [(n, v) for (n, foreign), v in zip(FOREIGN.items(), values[-len(FOREIGN):]) if v == foreign]
    check(not wrong, "stayed: %s", wrong)


def sql_has_no_backslash(w):
    """no plain literal of ours has a backslash: what it means is a setting (E'' means the same everywhere)"""
    for path in sorted((ROOT / "sql").rglob("*.sql")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = re.sub(r"\bE'([^']|'')*'", "", line.partition("--")[0])
            check("\\" not in code, "%s:%d: %s", path.name, number, line)


# ---- Descriptors ----

def closed_streams(w):
    """with any of the standard streams closed nothing else is written to, and what is not said is exit 1"""
    path = w.file("s", SET)
    w.expect(0, "apply", path)
    database = w.conninfo.rpartition("dbname=")[2]

    def run(closed, *words):
        done = subprocess.run(["sh", "-c", 'exec "$@" %s' % closed, "sh", WFCTL, *words], env=w.environ({}), cwd=w.dir,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, text=True)
        check("Sanitizer" not in done.stderr, "%s", done.stderr)
        return done

    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        silent = ">&-" in closed.replace("2>&-", "")
        for words, prints in ((("start", "cli/s"), True), (("list",), True), (("status", "@last"), True),
                              (("run", path), True), (("worker", "--until-idle"), False), (("version",), True)):
            done = run(closed, *words)
            check(done.returncode == (1 if silent and prints else 0), "%s %s: exit %d: %s", words, closed,
                  done.returncode, done.stderr)
            if silent and prints and "2>&-" not in closed:
                check("could not be written" in done.stderr, "%s %s says nothing: %s", words, closed, done.stderr)
    check(w.sql("select count(*) from stepwell.runs") == "8", "not all were started")
    check(not said(w, "invalid frontend message", database), "what was printed went to the database")


def said(w, text, database):
    """Lines of the server's log with a text, where that log can be read."""
    log = pathlib.Path(w.sql("select pg_read_file('postmaster.pid')").splitlines()[1]).parent / "log" / "server.log"
    with contextlib.suppress(OSError):
        return [line for line in log.read_text(errors="replace").splitlines() if text in line]
    return []


if __name__ == "__main__":
    main([key_version, losses_are_forgotten_once, cancel_stays, cancel_of_a_retried_child, starts_in_a_bare_week, partitions_with_other_bounds,
          gc_by_bounds, locks_of_a_stranger, first_migrations, gc_isolation, schema_made_beforehand, foreign_settings, role_of_a_login,
          settings_are_known, sql_has_no_backslash, closed_streams])
