"""The Postgres of a session: throw-away, on a disk, with fsync, on a socket of its own; and its
databases, each from a migrated template."""
import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile

import machine
from processes import Child, Failure, check, finish, wait_for

MIB = 2**20


def postgres_bin():
    found = [d for d in glob.glob("/usr/lib/postgresql/*/bin") if os.access(d + "/postgres", os.X_OK)]
    found.sort(key=lambda d: int(d.split("/")[4]))
    return found[-1] if found else os.path.dirname(shutil.which("postgres"))


def settings_for(memory, fsync):
    """What somebody who runs only Postgres and its workers on such a machine would set."""
    return {
        "fsync": fsync, "synchronous_commit": "on", "full_page_writes": "on", "wal_level": "replica",
        "shared_buffers": "%dMB" % min(memory // 4 // MIB, 6144),
        "effective_cache_size": "%dMB" % (memory // 2 // MIB),
        "work_mem": "32MB", "maintenance_work_mem": "%dMB" % min(memory // 32 // MIB, 1024),
        "max_wal_size": "8GB", "min_wal_size": "1GB", "checkpoint_timeout": "15min",
        "random_page_cost": "1.1", "max_connections": "200",
        "track_commit_timestamp": "on",  # by which ends and claims are timed
    }


class Server:
    def __init__(self, wfctl, fsync="on"):
        self.wfctl, self.bin = wfctl, postgres_bin()
        self.dir = tempfile.mkdtemp(prefix="stepwell-bench.", dir=machine.disk_folder())
        self.user = "postgres" if os.getuid() == 0 else None
        self.settings = settings_for(machine.total_memory(), fsync)
        self.child, self.control, self.count = None, None, 0
        os.chmod(self.dir, 0o711)

    def start(self):
        for folder in ("socket", "server"):
            os.mkdir("%s/%s" % (self.dir, folder))
            if self.user:
                shutil.chown("%s/%s" % (self.dir, folder), self.user, self.user)
        data = self.dir + "/server/data"
        Child("initdb", [self.bin + "/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E",
                         "UTF8", "--locale=C.UTF-8", "--no-sync"], self.file("initdb.log"),
              user=self.user, cwd="/").wait(120)
        check(os.path.exists(data + "/PG_VERSION"), "initdb: %s", machine.read(self.file("initdb.log")))
        self.statements = os.path.exists(self.bin + "/../lib/pg_stat_statements.so")
        with open(data + "/postgresql.conf", "a") as conf:
            for name, value in self.settings.items():
                conf.write("%s = '%s'\n" % (name, value))
            conf.write("listen_addresses = ''\nunix_socket_directories = '%s/socket'\n"
                       "log_min_messages = warning\n" % self.dir)
            if self.statements:  # it counts only where a bench switches it on
                conf.write("shared_preload_libraries = 'pg_stat_statements'\n"
                           "pg_stat_statements.track = 'none'\n")
        self.child = Child("postgres", [self.bin + "/postgres", "-D", data], self.file("postgres.log"),
                           death="INT", user=self.user, cwd="/")
        ready = [self.bin + "/pg_isready", "-q", "-h", self.dir + "/socket", "-U", "postgres"]
        wait_for(lambda: subprocess.run(ready, stdin=subprocess.DEVNULL).returncode == 0, 60,
                 "the server starts", 0.05, [self.child])
        self.control = Psql(self, "postgres")
        self.control.rows("create database template")
        finish("migrate", [self.wfctl, "migrate", "--db", self.conninfo("template")],
               self.file("migrate.log"), 120)

    def stop(self):
        """Ends everything, the server last and at once: nothing of it is kept."""
        Child.end_all_but([self.child])
        if self.child:
            self.child.end(signal.SIGQUIT, 120)
        shutil.rmtree(self.dir, ignore_errors=True)

    def file(self, name):
        return "%s/%s" % (self.dir, name)

    def conninfo(self, database):
        return "host=%s/socket user=postgres dbname=%s" % (self.dir, database)

    def cpu(self):
        return machine.family_cpu_of(self.child.pid)

    def version(self):
        return self.control.value("show server_version")

    @contextlib.contextmanager
    def database(self):
        """A fresh migrated database, dropped afterwards; its dirt is written first."""
        self.count += 1
        name = "bench%d" % self.count
        self.control.rows("create database %s template template" % name)
        self.control.rows("checkpoint")
        try:
            yield Database(self, name)
        except SystemExit:
            raise  # the whole server goes
        except BaseException:
            self.drop(name)
            raise
        self.drop(name)

    def drop(self, name):
        self.control.rows("drop database %s with (force)" % name)


class Psql:
    """A session, through psql: rows of text."""

    END = "~~~ end of rows ~~~"

    def __init__(self, server, database):
        self.child = Child("psql", [server.bin + "/psql", "-qXAt", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                                    "-d", server.conninfo(database)],
                           server.file("psql.%d.log" % Child.count_next()),
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.asked = 0

    def rows(self, sql):
        self.asked += 1
        rows, pipe = [], self.child.process
        try:
            pipe.stdin.write("%s;\n\\echo '%s'\n" % (sql, self.END))
            pipe.stdin.flush()
        except BrokenPipeError:
            pass
        for line in pipe.stdout:
            if line.rstrip("\n") == self.END:
                return rows
            rows.append(line.rstrip("\n").split("\t"))
        raise Failure("psql: %s" % self.child.said())

    def value(self, sql):
        return self.rows(sql)[0][0]

    def number(self, sql):
        return float(self.value(sql))

    def count(self, sql):
        return int(self.value(sql))

    def close(self):
        if not self.child.has_ended():
            self.child.process.stdin.close()
            self.child.wait(60)
        self.child.process.stdout.close()


class Database:
    def __init__(self, server, name):
        self.server, self.name = server, name
        self.conninfo = server.conninfo(name)
        self.observed = 0  # transactions of our own sessions

    @contextlib.contextmanager
    def session(self):
        session = Psql(self.server, self.name)
        try:
            yield session
        finally:
            session.close()
            self.observed += session.asked

    def count(self, sql):
        with self.session() as session:
            return session.count(sql)

    def has_function(self, name):
        return self.count("select count(*) from pg_proc p join pg_namespace n on n.oid = pronamespace "
                          "where nspname = 'stepwell' and proname = '%s'" % name) > 0

    def wait_alone(self):
        """Until no client is connected: what ended sessions did is counted only then."""
        wait_for(lambda: self.server.control.count(
            "select count(*) from pg_stat_activity where datname = '%s' and "
            "backend_type = 'client backend'" % self.name) == 0, 60, "sessions end")

    def commits(self):
        return self.server.control.count("select xact_commit from pg_stat_database "
                                         "where datname = '%s'" % self.name)

    def counters(self):
        """Commits, writing transactions and WAL bytes so far."""
        self.wait_alone()
        commits, xid, wal = self.server.control.rows(
            "select xact_commit, pg_snapshot_xmax(pg_current_snapshot())::text, "
            "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') from pg_stat_database where datname = '%s'"
            % self.name)[0]
        return int(commits) - self.observed, int(xid), int(wal)
