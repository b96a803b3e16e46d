"""Throw-away servers, replicas, poolers and databases. Standard library only."""
import contextlib
import glob
import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from checks import Failure, Missing, check, stretch, wait_for


def postgres_bin():
    found = [d for d in glob.glob("/usr/lib/postgresql/*/bin") if os.access(d + "/postgres", os.X_OK)]
    found.sort(key=lambda d: int(d.split("/")[4]))
    return found[-1] if found else os.path.dirname(shutil.which("postgres"))


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


class Disk:
    """A small file system in memory, which can be filled to the last byte. part: what lies on it."""

    def __init__(self, folder, part, size):
        self.path, self.part = folder + "/disk", part
        os.mkdir(self.path)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % size, "tmpfs", self.path],
                              stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode:
            os.rmdir(self.path)
            raise Missing("no file system in memory can be mounted here")
        give_to_postgres(self.path)

    def fill(self):
        with open(self.path + "/ballast", "wb", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while ballast.write(bytes(size)):
                        pass

    def free(self):
        os.unlink(self.path + "/ballast")

    def destroy(self):
        subprocess.run(["umount", "-l", self.path], stdin=subprocess.DEVNULL, check=True)


class Cluster:
    """A Postgres on a socket of its own; with a primary, a standby that streams from it. disk: the part
    of its data ("", all of it, or "pg_wal") that has a small disk of its own, and how many MiB that has. clock: when
    its servers believe that they have been started, seconds since 1970."""

    running = []  # all of this process
    lock, empty = threading.Lock(), None  # what an empty server consists of

    def __init__(self, fsync=False, primary=None, settings="", disk=None, clock=None):
        self.clock = clock
        self.dir = tempfile.mkdtemp(prefix="faults.")
        self.bin = postgres_bin()
        self.fsync = fsync
        os.chmod(self.dir, 0o711)
        os.mkdir(self.dir + "/socket")
        give_to_postgres(self.dir, self.dir + "/socket")
        self.disk = Disk(self.dir, *disk) if disk else None
        if primary:
            self.tool("pg_basebackup", "-D", self.data, "-d", primary.conninfo("postgres"), "-R",
                      "--checkpoint=fast", "--no-sync")
        else:
            self.initialise(disk)
        with open(self.data + "/postgresql.conf", "a") as conf:
            conf.write("""
                listen_addresses = ''
                unix_socket_directories = '%s/socket'
                fsync = %s
                max_connections = 300
                track_commit_timestamp = on
                deadlock_timeout = 100ms
                log_min_messages = warning
                log_line_prefix = '%%m [%%p] %%d %%a %%e '
                %s
                """ % (self.dir, "on" if fsync else "off", settings))
        self.running.append(self)
        self.start()

    def initialise(self, disk):
        """An empty server's files. Those without a disk of their own are copies of one another."""
        words = ["initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]
        if disk:
            self.tool(*words, self.data, "--wal-segsize=1", *(["--waldir", self.disk.path + "/pg_wal"] if disk[0] else []))
            return
        with self.lock:
            if not self.empty:
                Cluster.empty = tempfile.TemporaryDirectory(prefix="empty.")
                os.chmod(self.empty.name, 0o711)
                give_to_postgres(self.empty.name)
                self.tool(*words, self.empty.name + "/data")
        subprocess.run(["cp", "-a", self.empty.name + "/data", self.data], stdin=subprocess.DEVNULL, check=True)

    @property
    def data(self):
        return self.disk.path + "/data" if self.disk and not self.disk.part else self.dir + "/data"

    def tool(self, name, *arguments, allowed=(0,), variables=()):
        with open(self.dir + "/tools.log", "ab") as log:
            done = subprocess.run(
                as_postgres("env", *variables, self.bin + "/" + name, *arguments), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", env=dict(os.environ, LC_ALL="C.UTF-8",), timeout=120)
        check(done.returncode in allowed, "%s failed, see %s/tools.log", name, self.dir)

    def faked(self):
        """Variables of a server with another time. (Its user must make what libfaketime shares.)"""
        if self.clock is None:
            return ()
        library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if not library:
            raise Missing("libfaketime is not installed")
        return ("LD_PRELOAD=" + library[0], "FAKETIME=%+.0f" % (self.clock - time.time()),
                "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1")

    def start(self):
        self.tool("pg_ctl", "-D", self.data, "-l", self.dir + "/server.log", "-w", "start", variables=self.faked())

    def stop(self, mode="fast"):
        self.tool("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def restart(self, mode):
        self.stop(mode)
        self.start()

    def accepted(self):
        """How often it has begun to accept sessions."""
        with open(self.dir + "/server.log", errors="replace") as lines:
            return sum("ready to accept connections" in line for line in lines)

    def kill(self):
        """kill -9 to the postmaster; its children end by themselves."""
        pid = self.postmaster()
        with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
            family = [str(pid), *children.read().split()]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(os.path.exists("/proc/" + child) for child in family), 30,
                 "the postmaster's children end", 0.01)

    def is_running(self):
        return subprocess.run(as_postgres(self.bin + "/pg_ctl", "-D", self.data, "status"), cwd="/",
                              stdout=subprocess.DEVNULL).returncode == 0

    def accepts(self, database):
        return subprocess.run([self.bin + "/psql", "-qXAt", "-d", self.conninfo(database), "-c", "select 1"],
                              stdin=subprocess.DEVNULL, capture_output=True).returncode == 0

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
        with open(self.dir + "/server.log", errors="replace") as lines:
            return [line for line in lines if " %s " % database in line and text in line]

    def destroy(self):
        if self in self.running:
            self.running.remove(self)
        self.tool("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop", allowed=(0, 1))
        if self.disk:
            self.disk.destroy()
        shutil.rmtree(self.dir, ignore_errors=True)


class Pooler:
    """pgbouncer before a cluster. mode: session, transaction, statement."""

    def __init__(self, cluster, mode, settings=""):
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

    def psql(self, sql, role="postgres"):
        """A script, in a session of its own, of this role."""
        done = subprocess.run([self.cluster.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d",
                               self.conninfo.replace("user=postgres", "user=" + role)],
                              input=sql, capture_output=True, text=True)
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

    def cli(self, *arguments, expect=None, timeout=60, env=None, wfctl=None, conninfo=None):
        """Runs wfctl to its end: (exit code, stdout, stderr)."""
        done = subprocess.run([wfctl or self.wfctl, *arguments, "--db", conninfo or self.conninfo], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout * stretch(),
                              env=dict(os.environ, **(env or {})))
        check(expect is None or done.returncode == expect, "wfctl %s: exit %d\n%s",
              " ".join(arguments), done.returncode, done.stderr)
        return done.returncode, done.stdout, done.stderr

    def write(self, name, tasks, **more):
        """The path of a file with the definition crash/NAME:1.0.0."""
        document = {"document": {"dsl": "1.0.3", "namespace": "crash", "name": name,
                                 "version": "1.0.0"}, "do": tasks, **more}
        path = "%s/%s.%s.json" % (self.cluster.dir, self.name, name)
        pathlib.Path(path).write_text(json.dumps(document))
        return path

    def apply(self, name, tasks, **more):
        """Registers that and returns the path."""
        path = self.write(name, tasks, **more)
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
        return self.count("stepwell.lease where owner is not null or due < now() + interval '5 seconds' "
                          "or suspect_at < now() + interval '5 seconds'")

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
