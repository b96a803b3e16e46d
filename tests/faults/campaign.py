"""Runs cases side by side, counts what they did, and prints the table of rows."""
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
import traceback

import judges
from catalogue import ROWS
from checks import stretch
from harness import (Cluster, Database, Failure, Missing, Pool, Pooler, ROOT, Recorder, Void, Worker, check,
                     preload, shim, uses_sanitizer)
from pgproxy import Proxy
from workload import FLAGS, Mix

SIZES = ("short", "nightly", "release")


@dataclasses.dataclass
class Result:
    """What became of a case."""
    name: str
    injected: int = 0
    landed: int = 0
    checked: int = 0
    violations: int = 0
    problem: str = None
    missing: str = None  # what this machine lacks for it
    seconds: float = 0
    notes: list = dataclasses.field(default_factory=list)
    figures: dict = dataclasses.field(default_factory=dict)
    schedule: list = dataclasses.field(default_factory=list)


class World:
    """What a case gets: its size, its chance, counters, and all that it asks for: made when first
    asked for, ended after the case."""

    def __init__(self, cluster, options, case):
        self.cluster, self.wfctl = cluster, options.wfctl
        self.name = case.name.replace("-", "_")
        self.sizes = SIZES.index(options.size)
        self.seed = "%d %d %s" % (options.seed, case.row, case.name)
        self.random = random.Random(self.seed)
        self.sanitized = uses_sanitizer(options.wfctl)
        self.result = Result(case.name)
        self.ends = []  # what to end, last first
        self.databases = 0
        self.known = {}

    def size(self, short, nightly, release):
        return (short, nightly, release)[self.sizes]

    def within(self, short, nightly=None, release=None):
        """A bound in seconds. The short size shares its machine with other cases, and who knows what else."""
        return short * stretch() if self.sizes == 0 else (short if nightly is None else self.size(short, nightly, release))

    # ---- What happened ----

    def plan(self, text, *arguments):
        """A line of the schedule: what is done, decided by chance before it is done."""
        self.result.schedule.append(text % arguments if arguments else text)

    def inject(self, count=1):
        self.result.injected += count

    def land(self, count=1):
        self.result.landed += count

    def checked(self, count):
        self.result.checked += count

    def note(self, text, *arguments):
        self.result.notes.append(text % arguments)

    def figure(self, name, value):
        """A measured figure, for documents."""
        self.result.figures[name] = value

    # ---- What there is ----

    def once(self, name, make):
        if name not in self.known:
            self.known[name] = make()
        return self.known[name]

    @property
    def db(self):
        return self.once("db", self.new_database)

    @property
    def recorder(self):
        return self.once("recorder", self.new_recorder)

    @property
    def proxy(self):
        """Before the cluster's socket; its workers are those of world.worker(proxied=True)."""
        return self.once("proxy", self.new_proxy)

    def new_pooler(self, mode, settings=""):
        pooler = Pooler(self.cluster, mode, settings)
        self.ends.append(pooler.destroy)
        return pooler

    def new_proxy(self, **more):
        proxy = Proxy(self.cluster.dir + "/socket", **more).__enter__()
        self.ends.append(proxy.__exit__)
        return proxy

    def new_cluster(self, **more):
        cluster = Cluster(fsync=self.cluster.fsync, **more)
        self.ends.append(cluster.destroy)
        return cluster

    def new_database(self, cluster=None):
        self.databases += 1
        db = Database(cluster or self.cluster, "%s_%d" % (self.name, self.databases), self.wfctl)
        self.ends.append(db.close)
        db.psql((pathlib.Path(__file__).parent / "audit.sql").read_text())
        return db

    def new_recorder(self, **more):
        recorder = Recorder(**dict({"bodies": False}, **more)).start()
        self.ends.append(recorder.stop)
        return recorder

    def mix(self, names=None, cluster=None):
        """The standard workload, on a database and with a recorder of its own."""
        return Mix(self.new_database(cluster), self.new_recorder(), self.seed, names)

    def keep(self, worker):
        """Ends the worker with the case."""
        self.ends.append(worker.end)
        self.once("workers", list).append(worker)
        return worker

    def worker(self, *arguments, proxied=False, **more):
        """One that is registered and ready; its database may be behind the proxy."""
        if proxied:
            more["conninfo"] = self.proxy.conninfo("user=postgres dbname=" + self.db.name)
        worker = self.keep(Worker(self.db, arguments, **more))
        worker.wait_ready()
        return worker

    def pool(self, count, *arguments, db=None, **more):
        return Pool(db or self.db, count, *arguments, **more)

    def mixed_pool(self, mix, count, *arguments, **more):
        """A pool that can run all of a Mix; the recorder sees which worker sends."""
        return Pool(mix.db, count, *FLAGS, *arguments, env=preload(shim(self.cluster, "who")), **more)

    def holder(self, sql):
        """A psql with an open transaction that has run this."""
        psql = subprocess.Popen(
            [self.cluster.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", self.db.conninfo],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)

        def end():
            psql.kill()
            psql.wait()
        self.ends.append(end)
        psql.stdin.write("begin;\n%s\n\\g /dev/null\n\\echo held\n" % sql)
        check(psql.stdout.readline() == "held\n", "a transaction was to be held open: %s", sql)
        return psql

    # ---- The end ----

    def judge(self, mix, pool=None, **more):
        self.checked(judges.judge(mix, pool.all() if pool else (), **more))

    def check_workers(self):
        judges.healthy(self.known.get("workers", ()))

    def end(self):
        for end in reversed(self.ends):
            end()


def run_case(case, shared, options):
    """-> Result. A fault that did not land has shown nothing: it is tried again."""
    for _ in range(3 if options.size == "short" else 1):
        result = try_case(case, shared, options)
        if not (result.problem or "").startswith("void"):
            break
    return result


def try_case(case, shared, options):
    began, cluster, world = time.monotonic(), shared, None
    result = Result(case.name)
    try:
        if case.own_server:
            cluster = Cluster(fsync=shared.fsync)
        world = World(cluster, options, case)
        result = world.result
        case.function(world)
        if result.landed < case.void_below * result.injected:
            raise Void("%d of %d faults hit work in flight" % (result.landed, result.injected))
    except Failure as failure:
        result.problem, result.violations = str(failure), failure.count
    except Void as void:
        result.problem = "void: %s" % void
    except Missing as missing:
        result.missing = str(missing)
    except Exception:  # a broken test is a failed test
        result.problem, result.violations = traceback.format_exc(), 1
    finally:
        if world:
            world.end()
        if cluster is not shared:
            cluster.destroy()
    result.seconds = time.monotonic() - began
    return result


def run_cases(cases, options):
    """-> (case, Result), as they end; the longest begin first. Those that are alone come last, one at a time."""
    alone = [case for case in cases if case.alone or case.alone_in_full and options.size != "short"]
    shared = Cluster(fsync=options.size != "short")
    threads = concurrent.futures.ThreadPoolExecutor(options.jobs)
    try:
        futures = {threads.submit(run_case, case, shared, options): case
                   for case in sorted(cases, key=lambda case: not case.long) if case not in alone}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result()
        for case in alone:
            yield case, run_case(case, shared, options)
    finally:
        threads.shutdown(cancel_futures=True)
        shared.destroy()


def sum_up(row, results):
    """The line of a row."""
    ran = [r for r in results if not r.missing]
    return {
        "row": row.number, "title": row.title, "invariants": row.invariants, "hit": row.hit,
        "injected": sum(r.injected for r in ran), "landed": sum(r.landed for r in ran),
        "checked": sum(r.checked for r in ran), "violations": sum(r.violations for r in ran),
        "failed": sum(r.problem is not None for r in ran),
        "seconds": round(sum(r.seconds for r in ran), 1),
        "missing": "; ".join(sorted({r.missing for r in results if r.missing})),
        "cases": [dict(dataclasses.asdict(r), seconds=round(r.seconds, 1)) for r in results]}


def table(lines, everything):
    out = ["%3s  %-32s %9s %9s %10s %10s %8s" % ("row", "fault", "injected", "landed", "checked",
                                                 "violations", "seconds")]
    done = {line["row"]: line for line in lines}
    for row in ROWS.values():
        line = done.get(row.number)
        if line and len(line["cases"]) > sum(bool(c["missing"]) for c in line["cases"]):
            out.append("%3d  %-32s %9d %9d %10d %10d %8.1f%s%s" % (
                row.number, row.title, line["injected"], line["landed"], line["checked"],
                line["violations"], line["seconds"], "  FAILED" if line["failed"] else "",
                "  partly not run: " + line["missing"] if line["missing"] else ""))
        elif line:
            out.append("%3d  %-32s not run here: %s" % (row.number, row.title, line["missing"]))
        elif everything and row.later:
            out.append("%3d  %-32s %s" % (row.number, row.title, row.later))
    return "\n".join(out)


def as_tap(results):
    for number, (case, result) in enumerate(results, 1):
        remark = "; ".join(["%.1f s" % result.seconds, "%d injected, %d landed, %d checked" % (
            result.injected, result.landed, result.checked)] + result.notes)
        if result.missing:
            remark = "SKIP " + result.missing
        yield "%s %d - row %d: %s # %s" % ("not ok" if result.problem else "ok", number, case.row,
                                           case.name, remark)
        for line in (result.problem or "").splitlines():
            yield "#   " + line
    yield "1..%d" % len(results)


def build_of(wfctl):
    """What was tested, as it calls itself."""
    done = subprocess.run([wfctl, "version"], capture_output=True, text=True)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout else "unknown"


def commit():
    if not shutil.which("git") or not (ROOT / ".git").exists():
        return None
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True,
                          text=True)
    return done.stdout.strip() or None


def as_json(lines, options):
    return json.dumps({"size": options.size, "seed": options.seed, "names": options.names, "commit": commit(),
                       "build": build_of(options.wfctl), "rows": lines}, indent=1)


def say(text, file=sys.stderr):
    print(text, file=file, flush=True)


def on_term(*_):
    """The workers end with us; the servers would not."""
    for cluster in list(Cluster.running):
        cluster.destroy()
    os._exit(143)
