"""What the tests of the command line share: a server's databases, and a world for each case: a database and a
folder of its own, and `wfctl` in it. Finds the program in WFCTL and a server in DATABASE_URL; prints TAP lines.
Standard library only."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "faults"))
from harness import ROOT, Failure, check, kill, wait_for  # noqa: E402
from recorder import Recorder  # noqa: E402
from servers import postgres_bin  # noqa: E402
import tap  # noqa: E402
import terminal  # noqa: E402

WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
PATIENCE = 120  # seconds, for anything that must happen
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
RUN_MEMBERS = ["id", "workflow", "status", "key", "input", "output", "error", "createdAt",
               "startedAt", "endedAt", "steps"]
STEP_MEMBERS = ["name", "reference", "path", "stepId", "status", "attempts", "startedAt", "endedAt",
                "output", "error"]
ENTRY_MEMBERS = ["seq", "at", "kind", "path", "stepId", "attempt", "worker", "digest", "outcome"]
LIST_MEMBERS = ["id", "workflow", "status", "key", "createdAt", "startedAt", "endedAt"]


class Server:
    """The server of DATABASE_URL, with a migrated database as a template."""

    def __init__(self, conninfo):
        self.base, self.bin, self.names = conninfo, postgres_bin(), []
        self.lock = threading.Lock()
        self.mark = "cli_%d_" % os.getpid()
        self.template = self.create("template")
        subprocess.run([WFCTL, "migrate", "--db", self.template], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def conninfo(self, name):
        if "://" in self.base:
            parts = urllib.parse.urlsplit(self.base)
            return urllib.parse.urlunsplit(parts._replace(path="/" + name))
        return "%s dbname=%s" % (self.base, name)

    def psql(self, conninfo, sql):
        return subprocess.run([self.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-v",
                               "VERBOSITY=verbose", "-d", conninfo], input=sql, text=True,
                              capture_output=True, timeout=PATIENCE)

    def execute(self, sql):
        done = self.psql(self.base, sql)
        check(done.returncode == 0, "psql: %s", done.stderr)

    def create(self, name, more=""):
        name = self.mark + name
        with self.lock:  # a template must not be in use
            self.names.append(name)
            self.execute("create database %s %s" % (name, more))
        return self.conninfo(name)

    def migrated(self, name):
        return self.create(name, "template %stemplate" % self.mark)

    def destroy(self):
        for name in self.names:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.psql(self.base, "drop database if exists %s with (force)" % name)


class Result:
    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = words, code, out, err

    def __str__(self):
        return "wfctl %s: exit %s\n%s%s" % (" ".join(map(str, self.words)), self.code,
                                            self.out[:1500], self.err[:1500])

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            raise Failure("stdout is not one JSON value: %s" % self)

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def id(self):
        return self.out.strip()


class World:
    """What a case works with."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.stack = contextlib.ExitStack()
        self.dir = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="cli."))
        self.conninfo = server.migrated(name)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")
                            and k not in ("DATABASE_URL", "NO_COLOR")}
        self.environment["DATABASE_URL"] = self.conninfo

    def close(self):
        self.stack.close()

    def recorder(self):
        return self.stack.enter_context(Recorder())

    def environ(self, env):
        merged = dict(self.environment, **(env or {}))
        return {k: v for k, v in merged.items() if v is not None}

    def run(self, *words, input=None, env=None, cwd=None):
        if isinstance(input, str):
            input = input.encode()
        try:
            done = subprocess.run([WFCTL, *words], input=input if input is not None else b"",
                                  capture_output=True, timeout=PATIENCE, env=self.environ(env),
                                  cwd=cwd or self.dir)
        except subprocess.TimeoutExpired:
            raise Failure("wfctl %s: no end within %d s" % (" ".join(words), PATIENCE))
        # A sanitizer build says once that libjq runs on a stack of its own.
        err = "".join(line for line in done.stderr.decode("utf-8", "replace").splitlines(True)
                      if "doesn't fully support makecontext" not in line)
        result = Result(words, done.returncode, done.stdout.decode("utf-8", "replace"), err)
        check("Sanitizer" not in result.err and "runtime error:" not in result.err, "%s", result)
        return result

    def expect(self, code, *words, err=None, out=None, **more):
        """Runs; checks the exit code and that stdout (stderr) has the text, or is empty for ""."""
        result = self.run(*words, **more)
        check(result.code == code, "exit %s was expected; %s", code, result)
        for text, wanted in ((result.out, out), (result.err, err)):
            if wanted == "":
                check(not text, "unexpected text; %s", result)
            elif wanted is not None:
                check(wanted in text, "nothing about %r; %s", wanted, result)
        return result

    def fails(self, code, text, *words, **more):
        """A failure that says why on stderr, and has no output."""
        return self.expect(code, *words, err=text, out="", **more)

    def spawn(self, *words, env=None, cwd=None):
        """A process in the background; its output goes to files; ended with the case."""
        process = subprocess.Popen([WFCTL, *words], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environ(env), cwd=cwd or self.dir, text=True)
        self.stack.callback(kill, process)
        return process

    @staticmethod
    def end(process, number):
        """-> Result, once the process has ended."""
        if process.poll() is None:
            process.send_signal(number)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failure("process %d does not end on signal %d" % (process.pid, number))
        result = Result(process.args[1:], process.returncode, out, err)
        check("Sanitizer" not in err, "%s", result)
        return result

    def worker(self, *words, **more):
        return self.spawn("worker", "--poll", "50ms", *words, **more)

    def work(self, *words):
        """Works until nothing is left to do."""
        return self.expect(0, "worker", "--until-idle", "--poll", "50ms", *words)

    def file(self, name, tasks, file=None, version="1.0.0", **more):
        document = {"document": {"dsl": "1.0.3", "namespace": "cli", "name": name,
                                 "version": version}, "do": tasks, **more}
        return self.text((file or name) + ".json", json.dumps(document))

    def text(self, name, content):
        path = pathlib.Path(self.dir, name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def sql(self, sql, error=None):
        done = self.server.psql(self.conninfo, sql)
        if error:
            check(done.returncode != 0 and error in done.stderr, "%s: %s, not %s", sql,
                  done.stderr, error)
        else:
            check(done.returncode == 0, "%s: %s", sql, done.stderr)
        return done.stdout.strip()

    def session(self, sql):
        """A session that has done `sql` and stays open; what is returned does more, then ends it."""
        process = subprocess.Popen([postgres_bin() + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.stack.callback(kill, process)
        process.stdin.write(sql + ";\n\\echo ready\n")
        process.stdin.flush()
        while (line := process.stdout.readline()) and line != "ready\n":
            pass
        check(line, "psql: %s", sql)

        def end(more):
            process.stdin.write(more + ";\n")
            process.stdin.close()
            check(process.wait(PATIENCE) == 0, "psql: %s", more)
        return end

    def status(self, run):
        return self.sql("select status from stepwell.runs where id = '%s'" % run)

    def wait_status(self, run, status, timeout=PATIENCE):
        wait_for(lambda: self.status(run) == status, timeout, "run %s is %s" % (run, status))

    def last(self):
        return self.sql("select id from stepwell.runs order by id desc limit 1")


def is_alive(pid):
    with contextlib.suppress(OSError):
        return "State:\tZ" not in pathlib.Path("/proc/%s/status" % pid).read_text()
    return False


def post(url, **more):
    return {"call": "http", "with": {"method": "post", "endpoint": url, "body": {"n": 1}}, **more}


def shape(value, members, optional=()):
    names = [name for name in value if name not in optional]
    check(names == members, "members: %s, not %s", list(value), members)


def on_terminal(world, *words, env=None):
    """The same with a terminal for stdout: exit code and what came."""
    code, text = terminal.on_terminal([WFCTL, *words], PATIENCE, stderr=subprocess.DEVNULL,
                                      env=world.environ(env), cwd=world.dir)
    return code, text.decode("utf-8", "replace")


def main(cases):
    names = sys.argv[1:]
    server = Server(os.environ["DATABASE_URL"])
    failed = 0
    cases = [c for c in cases if not names or any(n in c.__name__ for n in names)]
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            futures = [threads.submit(tap.outcome, lambda name: World(server, name), case) for case in cases]
            for n, (case, future) in enumerate(zip(cases, futures), 1):
                failed += tap.say(n, case, *future.result())
        print("1..%d" % len(cases))
    finally:
        server.destroy()
    sys.exit(1 if failed else 0)
