#!/usr/bin/env python3
"""The benchmark of Stepwell; script/bench builds what it needs and calls it.

    run.py [--size short|full] [--repeat N] [--set BENCH.NAME=VALUE] [NAME...]

One JSON object a figure on standard output, a table with the goals on standard error. Everything it
starts is ended with it. Standard library only."""
import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import machine  # noqa: E402
import table  # noqa: E402
from cases_evaluator import evaluator  # noqa: E402
from cases_growth import growth, timers  # noqa: E402
from cases_http import http  # noqa: E402
from cases_latency import latency, long  # noqa: E402
from cases_life import life, pure  # noqa: E402
from cases_pool import claims, idle, memory, takeover  # noqa: E402
from cases_starts import starts  # noqa: E402
from processes import Child, Failure  # noqa: E402
from report import Report  # noqa: E402
from server import Server  # noqa: E402
from sizes import SIZES, set_value  # noqa: E402

BENCHES = {f.__name__: f for f in (life, pure, latency, evaluator, starts, claims, takeover, http, memory,
                                   long, timers, idle, growth)}


class Session:
    """What all benches share."""

    def __init__(self, options):
        self.report, self.server = Report(), Server(options.wfctl, options.fsync)
        self.sizes, self.repeats = SIZES[options.size], options.repeat
        self.folder, self.programs = str(HERE), os.path.dirname(options.wfctl)
        self.sample = None  # file with the rows of a finished run, for the reference

    def size(self, bench):
        return self.sizes[bench]

    def program(self, name):
        return os.path.join(self.programs, name)


def commit():
    done = subprocess.run(["git", "-C", str(HERE), "describe", "--always", "--dirty"], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def describe(session, options):
    kind, device = machine.filesystem_of(session.server.dir)
    version = subprocess.run([options.wfctl, "version"], text=True, stdin=subprocess.DEVNULL,
                             capture_output=True).stdout.split("\n")[0]
    session.report.put({"session": {
        **machine.description(), "filesystem": kind, "device": device, "size": options.size,
        "repeat": options.repeat, "set": options.set, "wfctl": version, "commit": commit(),
        "postgres": session.server.version(), "settings": session.server.settings}})


def run_all(session, names):
    for name in names:
        session.report.say("bench: " + name)
        before, began = list(Child.running), time.monotonic()
        try:
            BENCHES[name](session)
        except Failure as failure:
            session.report.failed(name, str(failure))
        finally:
            Child.end_all_but(before)
        session.report.say("bench: %s took %.1f s" % (name, time.monotonic() - began))


def parse(arguments):
    p = argparse.ArgumentParser(prog="script/bench", description="Benches: %s." % ", ".join(BENCHES))
    p.add_argument("--size", choices=SIZES, default="short")
    p.add_argument("--repeat", type=int, metavar="N", help="measure N times (short: 1, full: 3)")
    p.add_argument("--set", action="append", default=[], metavar="BENCH.NAME=VALUE",
                   help="another size of one thing, for instance life.runs=5000")
    p.add_argument("--fsync", choices=["on", "off"], default="on", help=argparse.SUPPRESS)  # for tests
    p.add_argument("--wfctl", default=str(HERE.parent / "build" / "wfctl"), help=argparse.SUPPRESS)
    p.add_argument("names", nargs="*", metavar="NAME")
    options = p.parse_args(arguments)
    for name in options.names:
        if name not in BENCHES:
            p.error("no bench %s; there are %s" % (name, ", ".join(BENCHES)))
    for text in options.set:
        set_value(SIZES[options.size], text)
    options.repeat = options.repeat or (3 if options.size == "full" else 1)
    options.wfctl = os.path.abspath(options.wfctl)
    return options


def on_signals(handler):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def stop(number, _frame):
    on_signals(signal.SIG_IGN)
    raise SystemExit(128 + number)


def main():
    options = parse(sys.argv[1:])
    on_signals(stop)
    session = Session(options)
    try:
        session.server.start()
        describe(session, options)
        run_all(session, options.names or list(BENCHES))
        session.report.say("\n" + table.as_text(session.report.lines))
    finally:
        on_signals(signal.SIG_IGN)
        session.server.stop()
    for text in session.report.failures:
        session.report.say("bench: FAILED: " + text)
    return 1 if session.report.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit("bench: %s" % failure)
