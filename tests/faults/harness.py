"""What the fault cases stand on: workers that are killed and replaced by their pid, control groups,
LD_PRELOAD libraries, tasks and what the recorder has seen of them."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
from checks import Failure, Missing, Void, check, check_landed, some, stretch, wait_for  # noqa: E402,F401
from recorder import Recorder  # noqa: E402,F401
from servers import Cluster, Database, Pooler, die_with_us  # noqa: E402,F401


def is_evaluator(pid):
    """Whether a process of ours evaluates expressions for its worker; no, if it is gone."""
    with contextlib.suppress(OSError):
        return b"--evaluator" in pathlib.Path("/proc/%s/cmdline" % pid).read_bytes().split(b"\0")
    return False


def kill(process):
    """Ends a process that was begun, if it has not ended, and closes what it was connected by."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


class Repeated:
    """Does something every few hundredths of a second, beside what is inside its `with`."""

    def __init__(self, act, pause):
        self.act, self.pause, self.left = act, pause, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.left.wait(self.pause):
            self.act()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.left.set()
        self.thread.join()


class Worker:
    """A `wfctl worker`. by: a command that runs it; output: where it prints, if not to its log; allowed: what all are
    given."""

    def __init__(self, db, arguments=(), env=None, wfctl=None, conninfo=None, by=(), output=None,
                 stdin=subprocess.DEVNULL, allowed=("--allow-sql",)):
        self.db = db
        log, self.log = tempfile.mkstemp(prefix="worker.", suffix=".log", dir=db.cluster.dir)
        self.process = subprocess.Popen(
            [*by, *die_with_us(wfctl or db.wfctl), "worker", "--db", conninfo or db.conninfo, *allowed, *arguments],
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
        return self.wait(timeout)

    def wait(self, timeout):
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(timeout * stretch())
        except subprocess.TimeoutExpired:
            raise Failure("worker %d did not end within %d s\n%s" % (
                self.pid, timeout, self.state())) from None

    def state(self):
        """What is known of it while it lives: its row, its leases, its sessions, its log and its stacks."""
        stack = subprocess.run(["gdb", "-p", str(self.pid), "-batch", "-ex", "thread apply all bt"], text=True,
                               capture_output=True).stdout if shutil.which("gdb") else ""
        rows = {name: self.db.rows(query % self.pid) for name, query in {
            "worker": "select * from stepwell.worker where pid = %d",
            "leases": "select l.run_id, state, reason, request from stepwell.lease l join stepwell.worker w "
                      "on w.id = l.owner where w.pid = %d",
            "sessions": "select a.application_name, a.state, a.wait_event, a.query from pg_stat_activity a join "
                        "stepwell.session s on s.pid = a.pid join stepwell.worker w on w.id = s.worker_id "
                        "where w.pid = %d"}.items()}
        return "%s\n%s\n%s" % (json.dumps(rows, indent=1), self.output()[-2000:], stack[-4000:])

    def output(self):
        return pathlib.Path(self.log).read_text("utf-8", "replace")

    def files(self):
        """How many descriptors it has open, without the two of each process that evaluates for it."""
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as children:
            evaluators = [pid for pid in children.read().split() if is_evaluator(pid)]
        return len(os.listdir("/proc/%d/fd" % self.pid)) - 2 * len(evaluators)

    def forget_peak(self):
        """peak_mib counts from now on; what is resident now, in MiB."""
        with open("/proc/%d/clear_refs" % self.pid, "w") as out:
            out.write("5")
        return self.peak_mib()

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
        """SIGTERM to all; they end by themselves, and say so if memory leaked. Nothing else is sent: a
        SIGCONT takes away the stop by which the search for leaks begins, and it waits for ever."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            code = worker.wait(timeout)
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
