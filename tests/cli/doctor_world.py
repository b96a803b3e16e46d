"""A server and its databases that cases of `wfctl doctor` make bad, and what it says of them."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))
from harness import ROOT, Cluster, Failure, check, kill, wait_for  # noqa: E402

WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
PATIENCE = 120  # seconds, for anything that must happen
NAMES = ["connection", "version", "primary", "encoding", "rights", "schema", "sql-logins", "pooler", "tls", "clock",
         "fsync", "full_page_writes", "synchronous_commit", "timeouts", "connections", "xmin", "slots",
         "wraparound", "vacuum", "lease-size", "disk", "partitions", "workers", "leases", "locks",
         "suspended", "events", "notifications"]
TIMED = ["connection", "clock", "probe-commit"]  # what warns, too, where a busy machine is slow
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
        """Asked again where this machine was slow."""
        for _ in range(20):
            done = self.wfctl("doctor", "-o", "json", *words, expect=None, db=db, env=env)
            report = Report(done.returncode, done.stdout, done.stderr)
            if not any(report.checks[n]["status"] == "warning" for n in TIMED if n in report.checks):
                break
        return report

    def background(self, *command, **more):
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], text=True, cwd=self.dir,
                                   **more)
        self.stack.callback(kill, process)
        return process

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
