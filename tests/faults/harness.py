"""What the fault cases stand on: throw-away servers, databases, poolers, and workers that are
killed and replaced by their pid. Standard library only."""
import contextlib
import glob
import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
from recorder import Recorder  # noqa: E402,F401


class Failure(Exception):
    """What was expected did not happen; the text says what and where. It stands for `count`
    violations."""

    def __init__(self, text, count=1):
        super().__init__(text)
        self.count = count


class Void(Exception):
    """The fault did not land, so that nothing was tested."""


class Missing(Exception):
    """This machine lacks what the case needs; the text says what."""


def check(condition, text, *arguments):
    if not condition:
        raise Failure(text % arguments if arguments else text)


def check_landed(condition, text, *arguments):
    if not condition:
        raise Void(text % arguments if arguments else text)


def some(items):
    """How many, and the first of them."""
    items = list(items)
    return "%d: %s" % (len(items), items[:5])


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


def as_postgres(*command):
    """The server's programs refuse to run as root."""
    who = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
    return ["setpriv", *who, *command] if who else list(command)


def give_to_postgres(*paths):
    if os.getuid() == 0:
        for path in paths:
            shutil.chown(path, "postgres", "postgres")


def die_with_us(*command):
    """Also when we are killed. (The signal comes when the thread that started it ends.)"""
    return ["setpriv", "--pdeathsig", "KILL", *command]


class Cluster:
    """A Postgres on a socket of its own; with a primary, a standby that streams from it."""

    running = []  # all of this process

    def __init__(self, fsync=False, primary=None, settings=""):
        self.dir = tempfile.mkdtemp(prefix="faults.")
        self.bin = postgres_bin()
        self.fsync = fsync
        os.chmod(self.dir, 0o711)
        os.mkdir(self.dir + "/socket")
        give_to_postgres(self.dir, self.dir + "/socket")
        if primary:
            self.tool("pg_basebackup", "-D", self.data, "-d", primary.conninfo("postgres"), "-R",
                      "--checkpoint=fast", "--no-sync")
        else:
            self.tool("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                      "--locale=C.UTF-8", "--no-sync")
        with open(self.data + "/postgresql.conf", "a") as conf:
            conf.write("""
                listen_addresses = ''
                unix_socket_directories = '%s/socket'
                fsync = %s
                max_connections = 300
                track_commit_timestamp = on
                deadlock_timeout = 100ms
                log_min_messages = warning
                log_line_prefix = '%%m [%%p] %%d '
                %s
                """ % (self.dir, "on" if fsync else "off", settings))
        self.running.append(self)
        self.start()

    @property
    def data(self):
        return self.dir + "/data"

    def tool(self, name, *arguments, allowed=(0,)):
        with open(self.dir + "/tools.log", "ab") as log:
            done = subprocess.run(
                as_postgres(self.bin + "/" + name, *arguments), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", env=dict(os.environ, LC_ALL="C.UTF-8"), timeout=120)
        check(done.returncode in allowed, "%s failed, see %s/tools.log", name, self.dir)

    def start(self):
        self.tool("pg_ctl", "-D", self.data, "-l", self.data + "/server.log", "-w", "start")

    def stop(self, mode="fast"):
        self.tool("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def restart(self, mode):
        self.stop(mode)
        self.start()

    def promote(self):
        self.tool("pg_ctl", "-D", self.data, "-w", "promote")

    def postmaster(self):
        with open(self.data + "/postmaster.pid") as lines:
            return int(lines.readline())

    def process(self, title):
        """The pid of a child of the postmaster, by a part of its title ("walreceiver")."""
        with open("/proc/%d/task/%d/children" % ((self.postmaster(),) * 2)) as children:
            for pid in children.read().split():
                with contextlib.suppress(OSError), open("/proc/%s/cmdline" % pid) as line:
                    if title in line.read():
                        return int(pid)
        return None

    def conninfo(self, database):
        return "host=%s/socket user=postgres dbname=%s" % (self.dir, database)

    def said(self, text, database):
        """The lines of the server's log about a database that hold a text."""
        with open(self.data + "/server.log", errors="replace") as lines:
            return [line for line in lines if " %s " % database in line and text in line]

    def destroy(self):
        if self in self.running:
            self.running.remove(self)
        self.tool("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop", allowed=(0, 1))
        shutil.rmtree(self.dir, ignore_errors=True)


class Pooler:
    """pgbouncer before a cluster, in transaction mode."""

    def __init__(self, cluster, mode="transaction", settings=""):
        program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
        if not program:
            raise Missing("pgbouncer is not installed")
        self.dir = tempfile.mkdtemp(prefix="pooler.", dir=cluster.dir)
        give_to_postgres(self.dir)
        os.chmod(self.dir, 0o711)
        with open(self.dir + "/pgbouncer.ini", "w") as ini:
            ini.write("[databases]\n* = host=%s/socket user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = 5432\n"
                      "unix_socket_dir = %s\nauth_type = any\npool_mode = %s\nmax_client_conn = 500\n"
                      "default_pool_size = 20\nignore_startup_parameters = extra_float_digits\n%s\n"
                      % (cluster.dir, self.dir, mode, settings))
        os.chmod(self.dir + "/pgbouncer.ini", 0o644)
        self.process = subprocess.Popen(
            die_with_us(*as_postgres(program, "-q", self.dir + "/pgbouncer.ini")), cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.dir + "/.s.PGSQL.5432") or self.process.poll(), 10,
                 "pgbouncer starts")

    def conninfo(self, database):
        return "host=%s port=5432 user=postgres dbname=%s" % (self.dir, database)

    def destroy(self):
        self.process.kill()
        self.process.wait()


class Lost(Exception):
    """The session is gone; what it was asked may have been done."""


class Session:
    """A psql that stays open, so that a question costs no process."""

    def __init__(self, cluster, conninfo):
        self.process = subprocess.Popen(
            [cluster.bin + "/psql", "-qXAt", "-d", conninfo], text=True, bufsize=1 << 16,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def query(self, sql):
        pipe, lines = self.process, []
        try:
            pipe.stdin.write(sql + "\n;\n\\echo =end= :ERROR\n")
            pipe.stdin.flush()
        except OSError as error:
            raise Lost(str(error)) from None
        for line in pipe.stdout:
            if line.startswith("=end= "):
                text = "".join(lines).rstrip("\n")
                if "server closed the connection" in text:
                    raise Lost(text)
                check(line == "=end= false\n", "psql: %s\n%s", text, sql[:500])
                return text
            lines.append(line)
        raise Lost("".join(lines))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Database:
    """An empty database with the journal's schema."""

    def __init__(self, cluster, name, wfctl):
        self.cluster, self.wfctl, self.name = cluster, wfctl, name
        subprocess.run([cluster.bin + "/createdb", "-h", cluster.dir + "/socket", "-U", "postgres",
                        name], check=True, stdin=subprocess.DEVNULL)
        self.conninfo = cluster.conninfo(name)
        self.free = queue.SimpleQueue()  # sessions
        self.closed = False
        self.cli("migrate", expect=0)

    def psql(self, sql):
        """A script, in a session of its own."""
        done = subprocess.run([self.cluster.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d",
                               self.conninfo], input=sql, capture_output=True, text=True)
        check(done.returncode == 0, "psql: %s", done.stderr)
        return done.stdout.strip()

    def value(self, query):
        """The answer to one statement that may be repeated."""
        for last in (False, True):
            try:
                session = self.free.get_nowait()
            except queue.Empty:
                session = Session(self.cluster, self.conninfo)
            try:
                answer = session.query(query)
            except Lost as lost:
                session.close()
                self.close()  # the others are gone, too
                check(not last, "psql: %s", lost)
                continue
            except BaseException:
                session.close()
                raise
            self.free.put(session)
            return answer

    def rows(self, query):
        return json.loads(self.value("select coalesce(json_agg(t), '[]') from (%s) t" % query))

    def count(self, what):
        """count("stepwell.lease where owner is null")"""
        return int(self.value("select count(*) from " + what))

    def close(self):
        """Ends its sessions."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.free.get_nowait().close()

    def cli(self, *arguments, expect=None, timeout=60, env=None, wfctl=None):
        """Runs wfctl to its end: (exit code, stdout, stderr)."""
        done = subprocess.run([wfctl or self.wfctl, *arguments, "--db", self.conninfo], text=True,
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
        return self.start_with(name, [{"n": n} for n in range(first, first + count)])

    def start_with(self, name, inputs):
        """A run for each input; their ids."""
        return self.psql("select stepwell.start('crash/%s', i) from json_array_elements($inputs$%s"
                         "$inputs$) i" % (name, json.dumps(inputs))).split()

    def active(self):
        return self.count("stepwell.lease where state <> 'suspended'")

    def moving(self):
        """How many do not wait for a long time, or for something from outside."""
        return self.count("stepwell.lease where owner is not null or due < now() + interval '5 seconds'")

    def stuck(self):
        """Some of what has not ended, for a person to look at."""
        rows = self.rows("select r.id, r.name, r.status, l.due, l.owner, l.reason from stepwell.runs r "
                         "join stepwell.lease l on l.run_id = r.id where l.state <> 'suspended' limit 3")
        return "\n".join([str(row) + "\n" + self.cli("history", row["id"])[1][-1500:] for row in rows])

    def wait_idle(self, timeout, text="all runs end"):
        try:
            wait_for(lambda: self.active() == 0, timeout, text, 0.1)
        except Failure as failure:
            raise Failure("I5: %s\n%s" % (failure, self.stuck())) from None

    def statuses(self):
        return {r["status"]: r["n"] for r in self.rows(
            "select status, count(*) as n from stepwell.runs group by 1")}


class Worker:
    """A `wfctl worker`. by: a command that runs it; output: where it prints, if not to its log."""

    def __init__(self, db, arguments=(), env=None, wfctl=None, conninfo=None, by=(), output=None,
                 stdin=subprocess.DEVNULL):
        self.db = db
        log, self.log = tempfile.mkstemp(prefix="worker.", suffix=".log", dir=db.cluster.dir)
        self.process = subprocess.Popen(
            [*by, *die_with_us(wfctl or db.wfctl), "worker", "--db", conninfo or db.conninfo, *arguments],
            stdin=stdin, stdout=output or log, stderr=output or log, env=dict(os.environ, **(env or {})))
        os.close(log)
        self.pid = self.process.pid
        self.uuid = None

    def send_signal(self, number):
        os.kill(self.pid, number)

    def id(self):
        """Its uuid in the pool, None before it has registered."""
        if not self.uuid:
            self.uuid = self.db.value("select id from stepwell.worker where pid = %d order by started_at "
                                      "desc limit 1" % self.pid) or None
        return self.uuid

    def wait_registered(self):
        return wait_for(self.id, 30, "a worker registers")

    def wait_ready(self):
        """Its four sessions are there."""
        uuid = self.wait_registered()
        wait_for(lambda: self.db.count("stepwell.session where worker_id = '%s'" % uuid) >= 4, 30,
                 "a worker has its four sessions")
        return uuid

    def owned(self):
        """How many leases it has."""
        return self.db.count("stepwell.lease where owner = '%s'" % self.uuid)

    def alive(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGKILL, timeout=60):
        """Signals it and returns its exit code (negative: the signal that ended it)."""
        if self.alive():
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
        return pathlib.Path(self.log).read_text("utf-8", "replace")

    def files(self):
        """How many descriptors it has open."""
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def peak_mib(self):
        """The most memory it has had resident."""
        with open("/proc/%d/status" % self.pid) as lines:
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


class Pool:
    """Workers, each replaced when it is killed or found dead."""

    def __init__(self, db, count, *arguments, **more):
        self.db, self.arguments, self.more = db, arguments, more
        self.workers = [self.new() for _ in range(count)]
        self.gone = []    # all that were replaced
        self.killed = []  # their uuids, where they were known

    def new(self):
        return Worker(self.db, self.arguments, **self.more)

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

    def wait_ready(self):
        for worker in self.workers:
            worker.wait_ready()

    def numbers(self, condition):
        """Those of whose leases this holds for one."""
        pids = set(self.db.value("select pid from stepwell.worker w where exists (select from "
                                 "stepwell.lease l where l.owner = w.id and %s)" % condition).split())
        return [i for i, w in enumerate(self.workers) if str(w.pid) in pids]

    def owners(self):
        """The numbers of those that own something."""
        return self.numbers("true")

    def busy(self):
        """The numbers of those that have done something since they claimed it."""
        return self.numbers("(select kind from stepwell.entry e where e.run_id = l.run_id order by seq "
                            "desc limit 1) not in ('created', 'claimed', 'lost', 'frames')")

    def kill(self, index):
        """kill -9, and another one in its place; its uuid."""
        worker = self.workers[index]
        uuid = worker.id()
        worker.end()
        if uuid:
            self.killed.append(uuid)
        self.replace(index)
        return uuid

    def kill_all(self):
        """kill -9 to all at once, and others in their places."""
        for worker in self.workers:
            worker.id()
        for worker in self.workers:
            worker.send_signal(signal.SIGKILL)
        for index in range(len(self.workers)):
            self.kill(index)

    def replace(self, index):
        self.gone.append(self.workers[index])
        self.workers[index] = self.new()

    def replace_dead(self):
        """Their exit codes."""
        codes = []
        for i, worker in enumerate(self.workers):
            if not worker.alive():
                codes.append(worker.process.returncode)
                self.replace(i)
        return codes

    def drain(self, timeout=30):
        """SIGTERM to all; they end by themselves, and say so if memory leaked."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            code = worker.end(signal.SIGCONT, timeout)
            check(code == 0, "I8: a drained worker ended with %s: %s", code, worker.output()[-3000:])

    def all(self):
        return self.gone + self.workers


class Cgroup:
    """A control group of our own, of version 1 or 2, that limits memory or freezes."""

    FILES = {"memory": ("memory.limit_in_bytes", "memory.max"),
             "freezer": ("freezer.state", "cgroup.freeze")}

    def __init__(self, controller):
        first, second = self.FILES[controller]
        for top, name in (("/sys/fs/cgroup/" + controller, first), ("/sys/fs/cgroup/unified", second),
                          ("/sys/fs/cgroup", second)):
            self.path, self.file = "%s/faults.%s" % (top, os.urandom(4).hex()), name
            try:
                os.mkdir(self.path)
            except OSError:
                continue
            if os.access("%s/%s" % (self.path, name), os.W_OK):
                return
            os.rmdir(self.path)
        raise Missing("no control group for %s can be made here" % controller)

    def write(self, name, value):
        with open("%s/%s" % (self.path, name), "w") as out:
            out.write(str(value))

    def add(self, pid):
        self.write("cgroup.procs", pid)

    def limit(self, size):
        self.write(self.file, size)

    def freeze(self, frozen):
        words = ("THAWED", "FROZEN") if self.file == "freezer.state" else ("0", "1")
        self.write(self.file, words[frozen])

    def destroy(self):
        """Its processes must have ended."""
        def gone():
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
            return not os.path.exists(self.path)
        wait_for(gone, 10, "the control group %s is empty" % self.path)


def uses_sanitizer(program):
    """Whether it was built with ASan: memory figures mean nothing then."""
    libraries = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return "libasan" in libraries


def preload(path, **variables):
    """The environment of a worker under an LD_PRELOAD library."""
    return dict(variables, LD_PRELOAD=path, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "")
                + ":verify_asan_link_order=0")


SHIMS = threading.Lock()


def shim(cluster, name):
    """Compiles NAME.c of this folder to a library; its path."""
    path = "%s/%s.so" % (cluster.dir, name)
    with SHIMS:
        if not os.path.exists(path):
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, str(HERE / (name + ".c")), "-ldl"],
                           check=True, stdin=subprocess.DEVNULL)
    return path


def http_task(url, path, **more):
    """A POST to URL/<path with the run's id>; path holds {run} and may be an expression's part."""
    before, _, after = path.partition("{run}")
    return {"call": "http", "with": {
        "method": "post", "endpoint": "${ \"%s%s\" + $workflow.id + \"%s\" }" % (url, before, after),
        "body": {"n": "${ $workflow.input.n }"}}, **more}


def http_steps(url, count, mode="/delay/200"):
    return [{"s%d" % i: http_task(url, "%s/{run}/s%d" % (mode, i))} for i in range(1, count + 1)]


def sql_task(step, statement="insert into effect values ($1, $2)"):
    return {"call": "sql", "with": {"statement": statement, "parameters": ["${ $workflow.id }", step],
                                    "output": "count"}}


def records_of(recorder):
    """All records by (run, step), from the recorder's log: /mode/.../RUN/STEP."""
    found = {}
    with open(recorder.log) as lines:
        for line in lines:
            record = json.loads(line)
            parts = record["path"].partition("?")[0].split("/")
            found.setdefault((parts[-2], parts[-1]), []).append(record)
    return found


def lines_of(recorder):
    """How many requests have come."""
    with open(recorder.log, "rb") as log:
        return log.read().count(b"\n")
