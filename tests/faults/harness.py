"""What the fault cases stand on: a throw-away cluster of their own, databases, workers that are
killed and replaced by their pid, and the judges of what happened. Standard library only."""
import contextlib
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
from recorder import Recorder  # noqa: E402,F401


class Failure(Exception):
    """A check that did not hold; the text says which and where."""


def check(condition, text, *arguments):
    if not condition:
        raise Failure(text % arguments if arguments else text)


def postgres_bin():
    found = [d for d in glob.glob("/usr/lib/postgresql/*/bin") if os.access(d + "/postgres", os.X_OK)]
    found.sort(key=lambda d: int(d.split("/")[4]))
    return found[-1] if found else os.path.dirname(shutil.which("postgres"))


def wait_for(question, timeout, text, interval=0.05):
    """The first true answer; Failure if none comes in time."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        check(time.monotonic() < end, "%s: not within %d s", text, timeout)
        time.sleep(interval)


class Cluster:
    """A Postgres on a socket of its own, run as `postgres` where we are root."""

    running = []  # all of this process

    def __init__(self, fsync=False):
        self.dir = tempfile.mkdtemp(prefix="crash.")
        self.bin = postgres_bin()
        os.chmod(self.dir, 0o711)
        os.mkdir(self.dir + "/socket")
        if os.getuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
            shutil.chown(self.dir + "/socket", "postgres", "postgres")
        self.tool("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")
        with open(self.data + "/postgresql.conf", "a") as conf:
            conf.write("listen_addresses = ''\nunix_socket_directories = '%s/socket'\n"
                       "fsync = %s\nmax_connections = 200\nlog_min_messages = warning\n"
                       % (self.dir, "on" if fsync else "off"))
        self.running.append(self)
        self.start()

    @property
    def data(self):
        return self.dir + "/data"

    def tool(self, name, *arguments, allowed=(0,)):
        command = [self.bin + "/" + name, *arguments]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] + command
        with open(self.dir + "/tools.log", "ab") as log:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                  env=dict(os.environ, LC_ALL="C.UTF-8"), timeout=120)
        check(done.returncode in allowed, "%s failed, see %s/tools.log", name, self.dir)

    def start(self):
        self.tool("pg_ctl", "-D", self.data, "-l", self.data + "/server.log", "-w", "start")

    def stop(self, mode="fast"):
        self.tool("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def restart(self, mode):
        self.stop(mode)
        self.start()

    def conninfo(self, database):
        return "host=%s/socket user=postgres dbname=%s" % (self.dir, database)

    def destroy(self):
        if self in self.running:
            self.running.remove(self)
        self.tool("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop", allowed=(0, 1))
        shutil.rmtree(self.dir, ignore_errors=True)


class Database:
    """An empty database with the journal's schema."""

    def __init__(self, cluster, name, wfctl):
        self.cluster, self.wfctl, self.name = cluster, wfctl, name
        subprocess.run([cluster.bin + "/createdb", "-h", cluster.dir + "/socket", "-U", "postgres",
                        name], check=True, stdin=subprocess.DEVNULL)
        self.conninfo = cluster.conninfo(name)
        self.cli("migrate", expect=0)

    def psql(self, sql):
        done = subprocess.run([self.cluster.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d",
                               self.conninfo], input=sql, capture_output=True, text=True)
        check(done.returncode == 0, "psql: %s", done.stderr)
        return done.stdout.strip()

    def rows(self, query):
        return json.loads(self.psql("select coalesce(json_agg(t), '[]') from (%s) t" % query))

    def value(self, query):
        return self.psql(query)

    def cli(self, *arguments, expect=None, timeout=60, env=None):
        """Runs wfctl to its end: (exit code, stdout, stderr)."""
        done = subprocess.run([self.wfctl, *arguments, "--db", self.conninfo], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
                              env=dict(os.environ, **(env or {})))
        check(expect is None or done.returncode == expect, "wfctl %s: exit %d\n%s",
              " ".join(arguments), done.returncode, done.stderr)
        return done.returncode, done.stdout, done.stderr

    def apply(self, name, tasks, **more):
        """Registers the definition crash/NAME:1.0.0 and returns the path of its file."""
        document = {"document": {"dsl": "1.0.3", "namespace": "crash", "name": name,
                                 "version": "1.0.0"}, "do": tasks, **more}
        path = "%s/%s.%s.json" % (self.cluster.dir, self.name, name)
        pathlib.Path(path).write_text(json.dumps(document))
        self.cli("apply", path, expect=0)
        return path

    def start(self, name, count, first=1):
        """Starts `count` runs by SQL, their input's n counted from `first`; their ids."""
        out = self.psql("select stepwell.start('crash/%s', json_build_object('n', n)) from "
                        "generate_series(%d, %d) n" % (name, first, first + count - 1))
        return out.split()

    def active(self):
        return int(self.value("select count(*) from stepwell.runs where status not in "
                              "('completed', 'faulted', 'cancelled', 'suspended')"))

    def wait_idle(self, timeout, text="all runs end"):
        wait_for(lambda: self.active() == 0, timeout, text, 0.2)

    def statuses(self):
        return {r["status"]: r["n"] for r in self.rows(
            "select status, count(*) as n from stepwell.runs group by 1")}


class Worker:
    def __init__(self, db, arguments=(), env=None):
        self.db = db
        self.log = tempfile.NamedTemporaryFile(prefix="worker.", suffix=".log", dir=db.cluster.dir)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", db.wfctl, "worker", "--db", db.conninfo, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, env=dict(os.environ, **(env or {})))
        self.pid = self.process.pid

    def send_signal(self, number):
        os.kill(self.pid, number)

    def id(self):
        """Its uuid in the pool, None before it has registered."""
        return self.db.value("select id from stepwell.worker where pid = %d" % self.pid) or None

    def wait_registered(self):
        return wait_for(self.id, 30, "a worker registers")

    def end(self, number=signal.SIGKILL, timeout=60):
        """Signals it and returns its exit code (negative: the signal that ended it)."""
        if self.process.poll() is None:
            self.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            stack = subprocess.run(["gdb", "-p", str(self.pid), "-batch", "-ex", "bt"], text=True,
                                   capture_output=True).stdout if shutil.which("gdb") else ""
            raise Failure("a worker did not end within %d s of signal %d; its leases: %s\n%s%s" % (
                timeout, number, self.db.rows(
                    "select l.run_id, state, reason, request from stepwell.lease l join "
                    "stepwell.worker w on w.id = l.owner where w.pid = %d" % self.pid),
                self.output()[-2000:], stack[-2000:])) from None

    def output(self):
        return pathlib.Path(self.log.name).read_text("utf-8", "replace")


class Pool:
    """Workers, each replaced when it is killed or found dead."""

    def __init__(self, db, count, *arguments):
        self.db, self.arguments = db, arguments
        self.workers = [Worker(db, arguments) for _ in range(count)]
        self.gone = []    # all that were replaced
        self.killed = []  # their uuids, where they were known

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                worker.send_signal(signal.SIGCONT)
            worker.end()
        if kind:
            self.keep_logs()

    def keep_logs(self):
        for worker in self.gone + self.workers:
            text = worker.output()
            if "ERROR" in text or "Sanitizer" in text:
                print("# worker %d said:\n#   %s" % (worker.pid, "\n#   ".join(
                    text.splitlines()[-30:])), flush=True)

    def kill(self, index):
        """kill -9, and another one in its place."""
        worker = self.workers[index]
        uuid = worker.id()
        worker.end()
        if uuid:
            self.killed.append(uuid)
        self.replace(index)
        return uuid

    def replace(self, index):
        self.gone.append(self.workers[index])
        self.workers[index] = Worker(self.db, self.arguments)

    def replace_dead(self):
        """Their exit codes."""
        codes = []
        for i, worker in enumerate(self.workers):
            if worker.process.poll() is not None:
                codes.append(worker.process.returncode)
                self.replace(i)
        return codes

    def check_healthy(self):
        """No worker ended by itself or by a sanitizer."""
        for worker in self.gone + self.workers:
            code = worker.process.poll()
            text = worker.output()
            check("Sanitizer" not in text and "runtime error:" not in text,
                  "worker %d: %s", worker.pid, text[-3000:])
            check(code in (None, 0, -signal.SIGKILL, -signal.SIGTERM), "worker %d ended with %s: %s",
                  worker.pid, code, text[-3000:])


def http_task(url, path, **more):
    """A POST to URL/<path with the run's id>; path holds {run} and may be an expression's part."""
    before, _, after = path.partition("{run}")
    return {"call": "http", "with": {
        "method": "post", "endpoint": "${ \"%s%s\" + $workflow.id + \"%s\" }" % (url, before, after),
        "body": {"n": "${ $workflow.input.n }"}}, **more}


def http_steps(url, count, mode="/delay/200"):
    return [{"s%d" % i: http_task(url, "%s/{run}/s%d" % (mode, i))} for i in range(1, count + 1)]


def records_of(recorder):
    """All records by (run, step), from the recorder's log: /mode/.../RUN/STEP."""
    found = {}
    with open(recorder.log) as lines:
        for line in lines:
            record = json.loads(line)
            parts = record["path"].partition("?")[0].split("/")
            found.setdefault((parts[-2], parts[-1]), []).append(record)
    return found
