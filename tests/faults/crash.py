#!/usr/bin/env python3
"""Black-box crash tests: wfctl, a Postgres of their own and the recorder, under kill -9, frozen
processes, cut sessions and server restarts. Prints TAP lines.

    crash.py [--wfctl FILE] [--size short|full] [--seed N] [--jobs N] [--list] [NAME...]

The seed decides which workers and sessions are hit and when, as far as a test of real
processes can be replayed; it is printed. A case whose faults did not land is void, which fails.
"""
import argparse
import concurrent.futures
import os
import random
import signal
import sys
import time
import traceback

import cases_events
import cases_kill
import cases_operator
import cases_server
import cases_sweep
from harness import Cluster, Database, Failure, ROOT, Recorder

CASES = [case for module in (cases_sweep, cases_kill, cases_events, cases_operator, cases_server)
         for case in module.CASES]


class World:
    """What a case gets: its size, its chance, and what it asks for, ended after it."""

    def __init__(self, cluster, options, name):
        self.cluster, self.wfctl = cluster, options.wfctl
        self.name = name.replace("-", "_")
        self.is_full = options.size == "full"
        self.random = random.Random("%d %s" % (options.seed, name))
        self.recorders = []
        self.databases = 0
        self.notes = []

    def size(self, short, full):
        return full if self.is_full else short

    def database(self):
        self.databases += 1
        return Database(self.cluster, "%s_%d" % (self.name, self.databases), self.wfctl)

    def recorder(self):
        self.recorders.append(Recorder(bodies=False).start())
        return self.recorders[-1]

    def note(self, text, *arguments):
        self.notes.append(text % arguments)

    def end(self):
        for recorder in self.recorders:
            recorder.stop()


def run_case(case, shared, options):
    """-> (name, problem or None, remark)"""
    name = case.__name__.replace("_", "-")
    began = time.monotonic()
    cluster, world, problem = shared, None, None
    try:
        if hasattr(case, "stops_server"):
            cluster = Cluster(fsync=options.size == "full")
        world = World(cluster, options, name)
        case(world)
    except Failure as failure:
        problem = str(failure)
    except Exception:  # a broken test is a failed test
        problem = traceback.format_exc()
    finally:
        if world:
            world.end()
        if cluster is not shared:
            cluster.destroy()
    remark = "; ".join(["%.1f s" % (time.monotonic() - began)] + (world.notes if world else []))
    return name, problem, remark


def report(results):
    failed = 0
    for number, (name, problem, remark) in enumerate(results, 1):
        failed += problem is not None
        print("%s %d - %s # %s" % ("not ok" if problem else "ok", number, name, remark))
        for line in (problem or "").splitlines():
            print("#   " + line)
        sys.stdout.flush()
    return failed


def on_term(*_):
    """The workers end with us; the servers would not."""
    for cluster in list(Cluster.running):
        cluster.destroy()
    os._exit(143)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--wfctl", default=os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
    parser.add_argument("--size", choices=["short", "full"], default="short")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--jobs", type=int, default=4, help="cases at a time")
    parser.add_argument("--list", action="store_true", help="names only")
    parser.add_argument("names", nargs="*", help="only these (parts of names)")
    options = parser.parse_args(arguments)
    options.wfctl = os.path.abspath(options.wfctl)
    chosen = [case for case in CASES if not options.names or any(
        part in case.__name__.replace("_", "-") for part in options.names)]
    if options.list:
        print("\n".join(case.__name__.replace("_", "-") for case in chosen))
        return
    print("# crash.py --size %s --seed %d" % (options.size, options.seed), flush=True)
    signal.signal(signal.SIGTERM, on_term)
    cluster = Cluster(fsync=options.size == "full")
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as threads:
            futures = [threads.submit(run_case, case, cluster, options) for case in chosen]
            failed = report(future.result() for future in futures)
    finally:
        cluster.destroy()
    print("1..%d" % len(chosen))
    sys.exit(1 if failed or not chosen else 0)


if __name__ == "__main__":
    main()
