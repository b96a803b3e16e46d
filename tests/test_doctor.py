#!/usr/bin/env python3
"""`wfctl doctor` against servers of its own that are made bad, one thing at a time: what it says, how
it grades it, and its exit code.

    test_doctor.py [NAME...]    only the cases with NAME in their name

Finds the program in WFCTL. Prints TAP lines. Standard library only."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "faults"))
from harness import ROOT, Cluster, Failure, check, wait_for  # noqa: E402
from servers import postgres_bin  # noqa: E402
import tap  # noqa: E402

WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
PATIENCE = 60  # seconds, for anything that must happen
NAMES = ["connection", "version", "primary", "encoding", "rights", "schema", "pooler", "tls", "clock",
         "fsync", "full_page_writes", "synchronous_commit", "timeouts", "connections", "xmin", "slots",
         "wraparound", "vacuum", "lease-size", "disk", "partitions", "workers", "leases", "locks",
         "suspended", "events", "notifications"]
PROBES = ["probe-commit", "probe-notify", "probe-run"]
MEMBERS = ["name", "status", "found", "why", "advice"]
OLD_XIDS = 100000  # a snapshot that old is reported
TABLES = ["definition", "run", "entry", "lease", "start_key", "worker", "session", "event",
          "subscription", "delivery", "taken", "event_place", "function"]


def environment():
    return {k: v for k, v in os.environ.items()
            if not k.startswith("PG") and k not in ("DATABASE_URL", "NO_COLOR")}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Report:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        try:
            self.object = json.loads(out)
        except ValueError:
            raise Failure("stdout is not one JSON value: exit %s\n%s\n%s" % (code, out, err)) from None
        self.checks = {c["name"]: c for c in self.object["checks"]}

    def __str__(self):
        return "exit %s\n%s" % (self.code, "\n".join(
            "%(status)s %(name)s: %(found)s | %(advice)s" % c for c in self.checks.values()
            if c["status"] != "ok") + self.err)

    def expect(self, name, status, *texts):
        """The check has that status, and all of the texts in what was found or in the advice."""
        found = self.checks.get(name)
        check(found, "no check %s; %s", name, self)
        check(found["status"] == status, "%s is not %s: %s", name, status, found)
        said = "%s | %s" % (found["found"], found["advice"])
        for text in texts:
            check(str(text) in said, "%s says nothing of %r: %s", name, text, said)
        check(status not in ("warning", "problem") or found["advice"], "no advice: %s", found)
        return self

    def exits(self, code):
        check(self.code == code, "exit %s was expected; %s", code, self)
        return self

    def all_well(self, but=()):
        for name, found in self.checks.items():
            check(found["status"] == "ok" or name in but, "not well: %s", found)
        return self


class World:
    """A case: a database of its own in a cluster, and what is to be ended afterwards."""

    lock = threading.Lock()

    def __init__(self, cluster, name, template="template_doctor"):
        self.cluster, self.name = cluster, name.replace("-", "_")[:50]
        self.stack = contextlib.ExitStack()
        self.dir = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="doctor."))
        with self.lock:  # a template must not be in use
            self.psql("create database %s template %s" % (self.name, template), database="postgres")
        self.conninfo = cluster.conninfo(self.name)

    def close(self):
        self.stack.close()
        with contextlib.suppress(Failure, subprocess.TimeoutExpired):
            self.psql("drop database if exists %s with (force)" % self.name, database="postgres")

    def psql(self, sql, database=None, conninfo=None):
        done = subprocess.run(
            [self.cluster.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d",
             conninfo or self.cluster.conninfo(database or self.name)],
            input=sql, text=True, capture_output=True, timeout=PATIENCE)
        check(done.returncode == 0, "psql: %s: %s", sql, done.stderr)
        return done.stdout.strip()

    def wfctl(self, *words, expect=0, db=None, env=None):
        done = subprocess.run([WFCTL, *words, "--db", db or self.conninfo], text=True, cwd=self.dir,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
                              env=dict(environment(), **(env or {})))
        check("Sanitizer" not in done.stderr and "runtime error:" not in done.stderr, "%s", done.stderr)
        check(expect is None or done.returncode == expect, "wfctl %s: exit %s\n%s%s",
              " ".join(words), done.returncode, done.stdout, done.stderr)
        return done

    def doctor(self, *words, db=None, env=None):
        done = self.wfctl("doctor", "-o", "json", *words, expect=None, db=db, env=env)
        return Report(done.returncode, done.stdout, done.stderr)

    def background(self, *command, **more):
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], text=True, cwd=self.dir,
                                   **more)
        self.stack.callback(self.kill, process)
        return process

    @staticmethod
    def kill(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def worker(self, *words):
        log = open(self.dir + "/worker.log", "ab")
        self.stack.callback(log.close)
        worker = self.background(WFCTL, "worker", "--db", self.conninfo, *words, stdout=log, stderr=log,
                                 stdin=subprocess.DEVNULL, env=environment())
        wait_for(lambda: self.psql("select count(*) from stepwell.session s join stepwell.worker w on "
                                   "w.id = s.worker_id and w.pid = %d" % worker.pid) >= "4", PATIENCE,
                 "a worker is up")
        return worker

    def session(self, *statements, application="holder"):
        """A psql that has run the statements and stays; returns its backend's pid."""
        psql = self.background(self.cluster.bin + "/psql", "-qXAt", "-d",
                               "%s application_name='%s'" % (self.conninfo, application),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        psql.stdin.write("".join(s + ";\n" for s in statements) + "select pg_backend_pid();\n")
        psql.stdin.flush()
        for line in psql.stdout:
            if line.strip().isdigit():
                return int(line)
        raise Failure("psql ended")

    def define(self, name, tasks):
        path = "%s/%s.json" % (self.dir, name)
        pathlib.Path(path).write_text(json.dumps({"document": {
            "dsl": "1.0.3", "namespace": "test", "name": name, "version": "1.0.0"}, "do": tasks}))
        self.wfctl("apply", path)
        return "test/" + name

    def start(self, name, tasks):
        return self.psql("select stepwell.start('%s')" % self.define(name, tasks))

    def burn(self, xids=OLD_XIDS):
        """Uses up transaction ids."""
        self.psql("create temp table t (n int); do $$ begin for i in 1..%d loop begin insert into t "
                  "values (i); exception when others then null; end; end loop; end $$" % (xids + 10))

    def counts(self):
        return self.psql(" union all ".join(
            "select '%s ' || count(*) from stepwell.%s" % (t, t) for t in TABLES))


def set_role(w, role, setting):
    w.psql("create role %s superuser login; alter role %s set %s" % (role, role, setting))
    w.stack.callback(w.psql, "drop role " + role, database="postgres")
    return w.conninfo.replace("user=postgres", "user=" + role)


SLEEP = [{"later": {"wait": "PT1H"}}]
NOTHING = [{"now": {"set": {"n": 1}}}]


# ---- What is well ----

def healthy(w):
    """a pool that is well has nothing but ok, in a fixed order, and exit 0"""
    w.worker()
    report = w.doctor().exits(0).all_well()
    check(list(report.checks) == NAMES, "the checks are %s", list(report.checks))
    check(list(report.object) == ["checks", "summary"], "members: %s", list(report.object))
    check(report.object["summary"] == {"ok": len(NAMES), "skipped": 0, "warnings": 0, "problems": 0},
          "summary: %s", report.object["summary"])
    for found in report.checks.values():
        check(list(found) == MEMBERS and found["found"] and found["why"] and found["advice"] is None,
              "a check is %s", found)
    report.expect("connection", "ok", w.cluster.dir + "/socket", "database " + w.name, "role postgres")
    report.expect("tls", "ok", "unix socket").expect("workers", "ok", "1 alive")


def text(w):
    """the text has a line for each check, and says why and what to do where it is not ok"""
    out = w.wfctl("doctor").stdout
    for name in NAMES:
        check(name in out, "nothing of %s in %s", name, out)
    lines = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("warning"))
    check("why:" in lines[at + 1] and "do:" in lines[at + 2], "no why, or nothing to do: %s", out)
    check(lines[-1] == "%d ok, 1 warning, 0 problems" % (len(NAMES) - 1), "the summary: %s", lines[-1])
    check("\x1b" not in out, "colours without a terminal")


def usage(w):
    """wrong usage is exit 2; help tells the exit codes"""
    w.wfctl("doctor", "-o", "xml", expect=2)
    check(len(w.wfctl("doctor", "-o", "jsonl").stdout.splitlines()) == 1, "jsonl is a line")
    w.wfctl("doctor", "something", expect=2)
    done = subprocess.run([WFCTL, "help", "doctor"], capture_output=True, text=True, check=True)
    check("--probe" in done.stdout and "7 when" in done.stdout, "help: %s", done.stdout)


def private(w):
    """the private Postgres of a folder is examined and probed like any other"""
    refused = subprocess.run([WFCTL, "doctor", "-o", "json"], cwd=w.dir, env=environment(), capture_output=True,
                             text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    Report(refused.returncode, refused.stdout, refused.stderr).exits(7).expect("connection", "problem", "no database is "
                                                                               "configured")
    path = pathlib.Path(w.dir, "one.json")
    path.write_text(json.dumps({"document": {"dsl": "1.0.3", "namespace": "test", "name": "one", "version": "1.0.0"},
                                "do": NOTHING}))
    subprocess.run([WFCTL, "run", path], cwd=w.dir, env=environment(), capture_output=True, check=True,
                   timeout=PATIENCE, stdin=subprocess.DEVNULL)
    done = subprocess.run([WFCTL, "doctor", "--probe", "-o", "json"], cwd=w.dir, env=environment(),
                          capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    subprocess.run([WFCTL, "dev", "--stop"], cwd=w.dir, env=environment(), capture_output=True,
                   timeout=PATIENCE, stdin=subprocess.DEVNULL)
    Report(done.returncode, done.stdout, done.stderr).exits(0).all_well(but=["workers", "disk"])


# ---- The server ----

def unreachable(w):
    """no server, or no such database: one check says so, exit 7, no password is shown"""
    for words in ("host=%s/none password=hunter2" % w.dir, w.cluster.conninfo("none")):
        report = w.doctor(db=words).exits(7).expect("connection", "problem")
        check(list(report.checks) == ["connection"], "more was checked: %s", report)
        check("hunter2" not in report.out + report.err, "the password is shown")


def schema_missing(w):
    """without the schema the rest is skipped, exit 7"""
    w.psql("drop schema stepwell cascade")
    report = w.doctor("--probe").exits(7).expect("schema", "problem", "missing", "wfctl migrate")
    report.expect("leases", "skipped").expect("partitions", "skipped").expect("fsync", "ok")
    check("probe-run" not in report.checks, "it was probed")


def schema_versions(w):
    """an older or newer schema is exit 7; other functions are a warning"""
    w.psql("update stepwell.migration set digest = 'x' where number = 0")
    w.doctor().exits(0).expect("schema", "warning", "wfctl migrate")
    w.psql("delete from stepwell.migration where number = (select max(number) from stepwell.migration)")
    w.doctor().exits(7).expect("schema", "problem", "older")
    w.psql("insert into stepwell.migration values (9999, 'x', 'x')")
    w.doctor().exits(7).expect("schema", "problem", "newer wfctl")


def encoding(w):
    """a database that is not UTF8 is exit 7"""
    w.psql("create database latin template template0 encoding LATIN1 locale 'C'")
    w.stack.callback(w.psql, "drop database latin", database="postgres")
    report = w.doctor(db=w.cluster.conninfo("latin")).exits(7)
    report.expect("encoding", "problem", "LATIN1", "createdb")
    report.expect("schema", "problem").expect("leases", "skipped")


def durability(w):
    """fsync and full_page_writes off are problems, and so is autovacuum"""
    settings = ("fsync", "full_page_writes", "autovacuum")
    w.stack.callback(w.psql, "".join("alter system reset %s;\n" % s for s in settings) +
                     "select pg_reload_conf()", database="postgres")
    w.psql("".join("alter system set %s = off;\n" % s for s in settings) + "select pg_reload_conf()")
    wait_for(lambda: w.psql("show fsync") == "off", PATIENCE, "the settings are loaded")
    report = w.doctor().exits(1)
    report.expect("fsync", "problem", "alter system set fsync = on")
    report.expect("full_page_writes", "problem").expect("vacuum", "problem", "autovacuum is off")


def synchronous_commit(w):
    """synchronous_commit off of the database or the role is a warning that says whose"""
    w.psql("alter database %s set synchronous_commit = off" % w.name)
    w.doctor().exits(0).expect("synchronous_commit", "warning", "off, by the database")
    db = set_role(w, "careless", "synchronous_commit = local")
    w.doctor(db=db).expect("synchronous_commit", "warning", "local, by the role")


def timeouts(w):
    """short timeouts of a role are warnings, long ones are told"""
    db = set_role(w, "hasty", "statement_timeout = '50ms'")
    w.psql("alter role hasty set lock_timeout = '10ms'; alter role hasty in database %s set "
           "idle_session_timeout = '5s'; alter role hasty set "
           "idle_in_transaction_session_timeout = '1h'" % w.name)
    report = w.doctor(db=db).exits(0)
    report.expect("timeouts", "warning", "statement_timeout is 50ms, by the role",
                  "lock_timeout is 10ms, by the role",
                  "idle_session_timeout is 5.0s, by the role in this database",
                  "idle_in_transaction_session_timeout is 1h 0m", "raise statement_timeout")
    check("raise idle_in_transaction" not in report.checks["timeouts"]["advice"], "one hour is enough")


def read_only(w):
    """a database that is read-only by default is exit 7, not unreachable"""
    w.psql("alter database %s set default_transaction_read_only = on" % w.name)
    report = w.doctor("--probe").exits(7).expect("primary", "problem", "default_transaction_read_only")
    check("probe-commit" not in report.checks, "it was probed")


def rights(w):
    """missing rights are named; with exactly those that are asked for a worker works"""
    w.psql("create role clerk login")
    w.stack.callback(w.psql, "drop owned by clerk; drop role clerk", database="postgres")
    w.stack.callback(w.psql, "drop owned by clerk")
    db = w.conninfo.replace("user=postgres", "user=clerk")
    report = w.doctor(db=db).exits(7)
    report.expect("rights", "problem", "schema stepwell: no USAGE", "table lease: no SELECT, INSERT, "
                  "UPDATE, DELETE", "function make_partitions: no EXECUTE", "role clerk")
    report.expect("schema", "problem").expect("leases", "skipped")
    for missing in report.checks["rights"]["found"].split("; "):
        what, _, right = missing.partition(": no ")
        kind, name = what.split(" ")
        check("'" not in name, "a name")
        w.psql("do $$ declare f regprocedure; begin " + (
            "for f in select oid from pg_proc where proname = '%s' and pronamespace = "
            "'stepwell'::regnamespace loop execute format('grant %s on function %%s to clerk', f); "
            "end loop; " % (name, right) if kind == "function" else "grant %s on %s %s%s to clerk; " % (
                right, kind, "stepwell." if kind == "table" else "", name)) + "end $$")
    w.doctor(db=db).exits(0).expect("rights", "ok").expect("disk", "ok", "pg_monitor").expect(
        "xmin", "ok", "pg_read_all_stats")
    path = w.dir + "/work.json"
    w.define("work", [{"a": {"set": {"n": 1}}}, {"b": {"wait": "PT0.1S"}},
                      {"c": {"call": "sql", "with": {"statement": "select 1"}}},
                      {"d": {"emit": {"event": {"with": {"source": "a:b", "type": "c.d"}}}}},
                      {"e": {"listen": {"to": {"one": {"with": {"type": "c.d"}}}}}}])
    w.wfctl("run", path, db=db)
    report = w.doctor("--probe", db=db).exits(0).expect("probe-run", "skipped", "DELETE")
    report.expect("probe-commit", "ok").expect("probe-notify", "ok")
    w.psql("revoke delete on stepwell.lease from clerk")
    w.doctor(db=db).exits(1).expect("rights", "problem", "table lease: no DELETE")


def connections(w):
    """a role that may hardly connect has too few connections for a worker"""
    w.psql("create role narrow superuser login connection limit 5")
    w.stack.callback(w.psql, "drop role narrow", database="postgres")
    db = w.conninfo.replace("user=postgres", "user=narrow")
    w.doctor(db=db).exits(0).expect("connections", "warning", "of 5 in use by this role", "4 are left")
    w.psql("alter role narrow connection limit 3")
    w.doctor(db=db).exits(1).expect("connections", "problem", "too few are left", "alter role")


# ---- What holds old rows ----

def old_snapshot(w):
    """an old snapshot is a warning that names its session"""
    pid = w.session("begin isolation level repeatable read", "select 'x'", application="nightly report")
    w.doctor().exits(0).expect("xmin", "ok")
    w.burn()
    report = w.doctor().exits(0).expect("xmin", "warning", "process %d" % pid, '"nightly report"',
                                        "role postgres", "idle in transaction",
                                        "pg_terminate_backend(%d)" % pid)
    check("'x'" not in report.out, "a query's text is shown")


def prepared_transaction(w):
    """a forgotten prepared transaction is named"""
    w.stack.callback(w.psql, "rollback prepared 'forgotten'")
    w.psql("create table p (n int); begin; insert into p values (1); prepare transaction 'forgotten'")
    w.burn()
    w.doctor().exits(0).expect("xmin", "warning", "prepared transaction forgotten of postgres",
                               "rollback prepared")


def slot_of_a_lost_standby(w):
    """a standby is exit 7; when it is gone, its slot is named: it keeps WAL and old rows"""
    data, c = w.cluster.dir + "/standby", w.cluster
    c.tool("pg_basebackup", "-h", c.dir + "/socket", "-U", "postgres", "-D", data, "-R", "-C", "-S",
           "standby1", "--checkpoint=fast", "--no-sync")
    w.stack.callback(shutil.rmtree, data, ignore_errors=True)
    w.stack.callback(w.psql, "select pg_drop_replication_slot('standby1')", database="postgres")
    with open(data + "/postgresql.auto.conf", "a") as conf:
        conf.write("hot_standby_feedback = on\nwal_receiver_status_interval = 1s\nport = 5999\n")
    c.tool("pg_ctl", "-D", data, "-l", data + "/log", "-w", "start")
    w.stack.callback(c.tool, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", allowed=(0, 1))
    report = w.doctor(db=w.conninfo + " port=5999").exits(7)
    report.expect("primary", "problem", "standby", "target_session_attrs")
    both = "host=%s/socket,%s/socket port=5999,5432 dbname=%s user=postgres" % (c.dir, c.dir, w.name)
    w.doctor(db=both).exits(0).expect("primary", "ok")
    wait_for(lambda: w.psql("select xmin from pg_replication_slots"), PATIENCE, "feedback comes")
    w.doctor().expect("slots", "ok", "1 slot")
    c.tool("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
    w.burn()
    report = w.doctor().exits(0).expect("slots", "warning", "standby1 is inactive",
                                        "pg_drop_replication_slot('standby1')")
    report.expect("xmin", "warning", "the inactive replication slot standby1")


def wraparound(w):
    """a database that is half-way to wraparound is a warning, nearly there a problem"""
    c = w.cluster
    c.stop()
    for xid, status in ((1100000000, "warning"), (1900000000, "problem")):
        segment = c.data + "/pg_xact/%04X" % (xid // (1 << 20))
        with open(segment, "wb") as file:
            file.write(bytes(1 << 18))
        if os.getuid() == 0:
            shutil.chown(segment, "postgres", "postgres")
        c.tool("pg_resetwal", "-x", str(xid), "-D", c.data)
        c.start()
        w.doctor().exits(1 if status == "problem" else 0).expect("wraparound", status, w.name + ": age 1",
                                                                 "vacuum (freeze)")
        c.stop()
    c.start()


# ---- The tables ----

def bloat(w):
    """dead rows of the leases that nobody vacuums, and what they leave, are warnings"""
    w.psql("alter table stepwell.lease set (autovacuum_enabled = off)")
    w.psql("insert into stepwell.lease (run_id, definition_id, due) select gen_random_uuid(), "
           "gen_random_uuid(), 'infinity' from generate_series(1, 200000); delete from stepwell.lease")
    wait_for(lambda: w.psql("select n_dead_tup > 150000 from pg_stat_user_tables where relname = "
                            "'lease'") == "t", PATIENCE, "the statistics come")
    report = w.doctor().exits(1)
    report.expect("vacuum", "problem", "200000 dead rows", "autovacuum is off for stepwell.lease")
    report.expect("lease-size", "warning", "for 0 rows", "vacuum full")
    w.psql("alter table stepwell.lease reset (autovacuum_enabled); vacuum full stepwell.lease")
    w.psql("vacuum stepwell.lease")
    w.doctor().exits(0).expect("vacuum", "ok", "vacuumed").expect("lease-size", "ok")


def partitions(w):
    """missing partitions of later weeks are warnings, one of this week a problem"""
    names = w.psql("select 'run' || to_char(clock_timestamp() at time zone 'UTC' + n * interval "
                   "'7 days', '_IYYY\"w\"IW') from generate_series(0, 2) n").split()
    w.psql("drop table stepwell." + names[2])
    w.doctor().exits(0).expect("partitions", "warning", names[2] + " is missing", "make_partitions()")
    w.psql("select stepwell.make_partitions()")
    w.doctor().exits(0).expect("partitions", "ok")
    w.psql("alter table stepwell.run detach partition stepwell." + names[0])
    w.doctor().exits(1).expect("partitions", "problem", names[0] + " is not attached", "attach")
    w.psql("drop table stepwell." + names[0])
    w.doctor().exits(1).expect("partitions", "problem", names[0] + " is missing")


def partition_bounds(w):
    """partitions with wrong bounds are named, with the time that they leave without one; make_partitions fills it"""
    names = w.psql("select 'entry' || to_char(clock_timestamp() at time zone 'UTC' + n * interval "
                   "'7 days', '_IYYY\"w\"IW') from generate_series(0, 2) n").split()
    week = "(date_trunc('week', clock_timestamp() at time zone 'UTC') + interval '%d days %d hours')"
    for number, status, code in ((1, "warning", 0), (0, "problem", 1)):
        w.psql("drop table stepwell.%s; do $$ begin execute format('create table stepwell.%s partition of stepwell.entry "
               "for values from (%%L) to (%%L)', %s); end $$" % (names[number], names[number], ", ".join(
                   "stepwell.first_id(%s at time zone 'UTC')" % (week % at) for at in (
                       (7 * number, 0), (7 * number + 7, -1)))))
        times = w.psql("select to_char(t, 'YYYY-MM-DD HH24:MI') from unnest(array[%s, %s]) t" % (
            week % (7 * number + 7, -1), week % (7 * number + 7, 0))).splitlines()
        w.doctor().exits(code).expect("partitions", status, names[number] + " has other bounds", "from %s to %s (UTC)" % tuple(
            times), "make_partitions()")
    w.psql("select stepwell.make_partitions()")
    w.doctor().exits(0).expect("partitions", "ok")


def ids_of_the_future(w):
    """ids that are ahead of the clock tell that it was set back"""
    w.psql("insert into stepwell.run (id, definition_id, input, created_at) select stepwell.first_id("
           "clock_timestamp() + interval '3 days'), gen_random_uuid(), 'null', now()")
    w.doctor().exits(1).expect("partitions", "problem", "2d 23h ahead", "clock")


# ---- The pool ----

def workers(w):
    """workers that are gone, draining or of another version are told apart"""
    w.doctor().exits(0).expect("workers", "warning", "0 alive", "wfctl worker")
    worker = w.worker()
    w.psql("update stepwell.worker set version = '0.0.9', draining = true")
    w.doctor().exits(0).expect("workers", "warning", "1 alive", "1 of them draining",
                               "another version or build than", "0.0.9")
    w.psql("update stepwell.worker set version = split_part(version, '+', 1) || '+000000000000', draining = false")
    w.doctor().exits(0).expect("workers", "warning", "another version or build than", "+000000000000")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    w.psql("update stepwell.worker set expires_at = clock_timestamp() - interval '1 minute'")
    w.doctor().exits(0).expect("workers", "warning", "0 alive", "1 gone")


def orphans(w):
    """leases of nobody and of the dead are problems while no worker lives, then they go"""
    run = w.start("sleep", SLEEP)
    w.psql("update stepwell.lease set owner = gen_random_uuid()")
    w.doctor().exits(1).expect("leases", "problem", "1 run owned by a worker that is not of the pool",
                               run, "wfctl worker")
    w.psql("insert into stepwell.worker (id, host, pid, version, expires_at, postmaster_started_at) "
           "select owner, 'h', 1, '0.1.0', clock_timestamp() - interval '2 minutes', now() from "
           "stepwell.lease")
    w.doctor().exits(1).expect("leases", "problem", "1 run owned by a worker that is gone", "2m")
    w.worker()
    wait_for(lambda: w.psql("select state from stepwell.lease") == "waiting", PATIENCE, "it is taken over")
    w.doctor().exits(0).all_well()


def baseless(w):
    """a lease whose run is not there stops nobody, and is a problem that is named"""
    w.define("plain", NOTHING)
    gone = w.psql("select stepwell.start('test/plain')")
    for table in ("entry", "run"):
        w.psql("delete from stepwell." + table)
        w.doctor().exits(1).expect("leases", "problem", "1 run whose journal is not there", gone)
    w.psql("insert into stepwell.lease (run_id, definition_id, due) select '00000000-0000-7000-8000-000000000001', "
           "definition_id, now() from stepwell.lease")  # of a week that was dropped
    w.doctor().exits(1).expect("leases", "problem", "2 runs whose journal is not there",
                               "delete from stepwell.lease where run_id")
    w.psql("select stepwell.start('test/plain')")
    w.worker()
    wait_for(lambda: w.psql("select count(*) from stepwell.runs where status = 'completed'") == "1",
             PATIENCE, "the plain run ends")
    wait_for(lambda: w.psql("select string_agg(distinct state || reason, ' ') from stepwell.lease")
             == "suspendedits journal is not there", PATIENCE, "they are suspended")
    check(gone in w.psql("select run_id from stepwell.lease"), "the lease is kept")


def restless(w):
    """suspects that wait for a process of their own, and runs whose workers die again and again, are named"""
    run = w.start("sleep", SLEEP)
    w.psql("update stepwell.lease set suspect_at = clock_timestamp() - interval '1 minute', due = 'infinity'")
    w.doctor().exits(1).expect("leases", "problem", "1 run due for up to 1m", "no worker is alive")
    w.psql("update stepwell.lease set suspect_at = null, losses = 7, lost_at = now()")
    w.doctor().exits(0).expect("leases", "warning", "1 run whose workers die again and again", run,
                               "wfctl suspend RUN")


def logins(w):
    """workers of several logins, of which one may not end the other's sessions, are a warning"""
    for role in ("wa", "wb"):
        set_role(w, role, "work_mem = '4MB'")
        w.psql("alter role %s nosuperuser; grant usage on schema stepwell to %s; grant select, insert, "
               "update, delete on all tables in schema stepwell to %s; grant execute on all functions in "
               "schema stepwell to %s" % (role, role, role, role))
        w.stack.callback(w.psql, "drop owned by " + role)
    w.psql("grant pg_monitor to wb")
    w.worker()
    w.doctor().exits(0).expect("workers", "ok", "1 alive")
    for role in ("wa", "wb"):
        w.worker("--db", w.conninfo.replace("user=postgres", "user=" + role))
    w.doctor().exits(0).expect("workers", "warning", "login wb may not end sessions of login wa",
                               "grant pg_signal_backend")
    w.psql("grant pg_signal_backend to wb")
    report = w.doctor()
    check("login wb may not end sessions of login wa" not in report.checks["workers"]["found"], "%s", report)


def due(w):
    """runs that are due and not taken: nobody works, or nobody has what they need"""
    w.define("plain", NOTHING)
    w.psql("select stepwell.start('test/plain')")
    w.psql("update stepwell.lease set due = clock_timestamp() - interval '5 minutes'")
    w.doctor().exits(1).expect("leases", "problem", "1 run due for up to 5m", "no worker is alive")
    w.start("shell", [{"a": {"run": {"shell": {"command": "true"}}}}])
    w.start("other", [{"a": {"call": "sql", "with": {"statement": "select 1", "database": "stock"}}}])
    w.psql("update stepwell.lease set due = clock_timestamp() - interval '5 minutes'")
    w.worker()
    wait_for(lambda: w.psql("select count(*) from stepwell.runs where status = 'completed'") == "1",
             PATIENCE, "the plain run ends")
    w.doctor().exits(1).expect("leases", "problem", "in need of shell", "--allow-run",
                               "in need of database:stock", "--database NAME=CONNINFO")


def suspended(w):
    """suspended runs are counted by reason"""
    run = w.start("sleep", SLEEP)
    w.wfctl("suspend", run)
    w.worker()
    wait_for(lambda: w.psql("select state from stepwell.lease") == "suspended", PATIENCE, "it is suspended")
    w.doctor().exits(0).expect("suspended", "warning", "1 run: ", run, "wfctl status RUN")


def events(w):
    """events that nobody routes are a warning"""
    w.psql("""select stepwell.emit('{"id": "1", "source": "s", "type": "t"}')""")
    w.doctor().exits(0).expect("events", "ok", "1 event not routed")
    w.psql("update stepwell.event set at = at - interval '2 minutes'")
    w.doctor().exits(0).expect("events", "warning", "1 event not routed, the oldest for 2m", "start a worker")
    w.psql("update stepwell.event set tries = 5")
    w.doctor().exits(0).expect("events", "warning", "1 event not routed any more", "1 of s",
                               "update stepwell.event set tries = 0")


def locks(w):
    """who waits for a lock, and who holds it"""
    w.start("sleep", SLEEP)
    holder = w.session("begin", "update stepwell.lease set reason = 'x'", application="migration")
    waiter = w.background(w.cluster.bin + "/psql", "-qXAt", "-d", w.conninfo, "-c",
                          "update stepwell.lease set reason = 'y'")
    wait_for(lambda: w.psql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and "
                            "query_start < clock_timestamp() - interval '1 s'") == "1", PATIENCE, "it waits")
    w.doctor().exits(0).expect("locks", "warning", "process %d (migration, role postgres" % holder,
                               "pg_terminate_backend(%d)" % holder)
    w.psql("select pg_terminate_backend(%d)" % holder)
    waiter.wait(PATIENCE)
    w.doctor().exits(0).expect("locks", "ok")


def locked_table(w):
    """a table that cannot be read is skipped within seconds, not waited for"""
    w.session("begin", "lock table stepwell.lease")
    report = w.doctor()
    report.expect("leases", "skipped", "lock timeout").expect("fsync", "ok")


# ---- The way ----

def pgbouncer(w, mode):
    port = free_port()
    config = w.dir + "/pgbouncer.ini"
    pathlib.Path(config).write_text(
        "[databases]\n%s = host=%s/socket dbname=%s user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        "listen_port = %d\nauth_type = any\npool_mode = %s\nunix_socket_dir =\n"
        % (w.name, w.cluster.dir, w.name, port, mode))
    os.chmod(w.dir, 0o755)
    who = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    w.background(*who, shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", config, stdin=subprocess.DEVNULL,
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False
    wait_for(answers, PATIENCE, "pgbouncer listens")
    return "host=127.0.0.1 port=%d dbname=%s user=x sslmode=disable" % (port, w.name)


def pooler_by_transaction(w):
    """a pooler in transaction mode is a problem"""
    w.doctor(db=pgbouncer(w, "transaction")).exits(7).expect("pooler", "problem", "by the transaction",
                                                             "pool_mode = session")


def pooler_by_session(w):
    """a pooler in session mode is a warning, and the probe works through it"""
    report = w.doctor("--probe", db=pgbouncer(w, "session")).exits(0)
    report.expect("pooler", "warning", "after its lease").expect("probe-run", "ok")
    report.expect("probe-notify", "ok")


def pooler_by_statement(w):
    """a pooler that knows no transactions cannot be used"""
    w.wfctl("doctor", db=pgbouncer(w, "statement"), expect=7)


def own_address():
    """An address of this host that is not loopback, or None. (Nothing is sent.)"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        with contextlib.suppress(OSError):
            s.connect(("192.0.2.1", 9))
            address = s.getsockname()[0]
            return None if address.startswith("127.") else address
    return None


def tls(w):
    """on the network TLS must be verified; loopback needs none"""
    c, port = w.cluster, free_port()
    key, certificate = c.data + "/server.key", c.data + "/server.crt"
    address = own_address() or "127.0.0.1"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=db.test"],
                   check=True, capture_output=True)
    public = w.dir + "/root.crt"
    shutil.copy(certificate, public)
    for path in (key, certificate):
        os.chmod(path, 0o600)
        if os.getuid() == 0:
            shutil.chown(path, "postgres", "postgres")
    configuration = pathlib.Path(c.data + "/postgresql.conf")
    before = configuration.read_text()

    def restore():
        configuration.write_text(before)
        c.restart("fast")
    configuration.write_text(before + "listen_addresses = '127.0.0.1,%s'\nport = %d\nssl = on\n"
                             % (address, port))
    with open(c.data + "/pg_hba.conf", "a") as hba:
        hba.write("host all all %s/32 trust\n" % address)
    w.stack.callback(restore)
    c.restart("fast")
    base = "dbname=%s user=postgres port=%d host=db.test hostaddr=" % (w.name, port)
    w.doctor(db=base + "127.0.0.1 sslmode=disable").exits(0).expect("tls", "ok", "this host itself")
    w.doctor(db=base + address + " sslmode=verify-full sslrootcert=" + public).exits(0).expect(
        "tls", "ok", "verified")
    if address != "127.0.0.1":
        w.doctor(db=base + address + " sslmode=disable").exits(0).expect("tls", "warning", "no TLS",
                                                                        "verify-full")
        w.doctor(db=base + address + " sslmode=require").exits(0).expect("tls", "warning", "unverified")


# ---- The probe ----

def probe(w):
    """the probe works, and leaves nothing behind"""
    w.start("sleep", SLEEP)
    before = w.counts()
    report = w.doctor("--probe").exits(0)
    check(list(report.checks) == NAMES + PROBES, "the checks are %s", list(report.checks))
    report.expect("probe-commit", "ok", "20 commits").expect("probe-notify", "ok", "heard after")
    report.expect("probe-run", "ok", "completed, 2 steps")
    check(w.counts() == before, "it left something: %s, before %s", w.counts(), before)


def probe_cut_short(w):
    """what a probe left that was cut short is ended by a worker and removed by the next one"""
    before = w.counts()
    w.psql("create function stall() returns trigger language plpgsql as $$ begin perform pg_sleep(60); "
           "return old; end $$; create trigger stall before delete on stepwell.definition for each "
           "statement execute function stall()")
    doctor = w.background(WFCTL, "doctor", "--probe", "--db", w.conninfo, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    wait_for(lambda: w.psql("select count(*) from stepwell.runs where status = 'completed'") == "1",
             PATIENCE, "the probe's run ends")
    doctor.kill()
    doctor.wait()
    w.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wfctl' "
           "and datname = current_database()")
    w.psql("drop trigger stall on stepwell.definition")
    check(w.counts() != before, "the probe was not cut short")
    w.doctor("--probe").exits(0).expect("probe-run", "ok")
    check("definition 1" in w.counts(), "one of a minute ago is left alone: %s", w.counts())
    w.psql("update stepwell.definition set created_at = created_at - interval '11 minutes'; update "
           "stepwell.run set id = stepwell.first_id(created_at - interval '11 minutes' + interval '1 s')")
    w.psql("update stepwell.entry set run_id = (select id from stepwell.run)")
    w.doctor("--probe").exits(0).expect("probe-run", "ok")
    check(w.counts() == before, "it left something: %s, before %s", w.counts(), before)


def probe_that_fails(w):
    """a worker that cannot work is a problem of the probe"""
    w.psql("create function refuse() returns trigger language plpgsql as $$ begin raise exception "
           "'no steps today'; end $$; create trigger refuse before insert on stepwell.session for each "
           "row execute function refuse()")
    w.doctor("--probe").exits(1).expect("probe-run", "problem", "no steps today")
    check("definition 0" in w.counts(), "the definition was left: %s", w.counts())


CASES = [healthy, text, usage, private, unreachable, schema_missing, schema_versions, encoding,
         synchronous_commit, timeouts, read_only, rights, connections, old_snapshot, prepared_transaction,
         bloat, partitions, partition_bounds, ids_of_the_future, workers, orphans, baseless, restless, logins, due, suspended, events, locks,
         locked_table, pooler_by_transaction, pooler_by_session, pooler_by_statement, probe,
         probe_cut_short, probe_that_fails]
ALONE = [durability, slot_of_a_lost_standby, tls, wraparound]  # they change the whole server


def make_cluster():
    cluster = Cluster(fsync=True)
    with open(cluster.data + "/postgresql.conf", "a") as conf:
        conf.write("port = 5432\nmax_prepared_transactions = 4\nwal_level = replica\nautovacuum_naptime = "
                   "1h\nlog_min_messages = fatal\n")
    cluster.restart("fast")
    subprocess.run([cluster.bin + "/createdb", "-h", cluster.dir + "/socket", "-U", "postgres",
                    "template_doctor"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run([WFCTL, "migrate", "--db", cluster.conninfo("template_doctor")], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return cluster


def main():
    names = sys.argv[1:]
    failed = count = 0
    cluster = make_cluster()
    try:
        with concurrent.futures.ThreadPoolExecutor(3) as threads:
            for cases, run in ((CASES, threads.map), (ALONE, map)):
                cases = [c for c in cases if not names or any(n in c.__name__ for n in names)]
                for case, outcome in zip(cases, run(lambda c: tap.outcome(lambda name: World(cluster, name), c), cases)):
                    count += 1
                    failed += tap.say(count, case, *outcome)
        print("1..%d" % count)
    finally:
        cluster.destroy()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
