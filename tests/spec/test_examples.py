#!/usr/bin/env python3
"""The official examples of the Open Workflow Specification: each validates, and each is refused
with its reason or runs, against stubs, to the outcome that official_examples.py states. They lie
beside the project (../shared/openworkflow/examples), not in it.

    test_examples.py [--examples FOLDER] [--jobs N] [NAME...]    only those with NAME in their name

Finds the program in WFCTL and an empty database in DATABASE_URL. Prints TAP lines. Those that
emit or listen get a database of their own, since every event is offered to all who listen."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "faults"), str(ROOT / "tests" / "language")]
from checks import stretch  # noqa: E402
from harness import Failure, check, wait_for  # noqa: E402
from official_examples import HOSTS, REFUSED, RUNS  # noqa: E402
from recorder import Recorder  # noqa: E402
from run import difference, parse, report  # noqa: E402

WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
CODES = {"completed": 0, "faulted": 10, "cancelled": 11}


def wfctl(*words, db=None, expect=0, **more):
    done = subprocess.run([WFCTL, *map(str, words), *(["--db", db] if db else [])], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300, **more)
    check(expect is None or done.returncode == expect, "wfctl %s: exit %s, not %s\n%s%s", words,
          done.returncode, expect, done.stdout, done.stderr)
    return done


def psql(db, statement):
    done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", db, "-c", statement],
                          text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    check(done.returncode == 0, "psql: %s", done.stderr)
    return done.stdout.strip()


class Databases:
    """The given one, and copies of it as it was when it held no run."""

    def __init__(self, given):
        self.given, self.names, self.lock = given, [], threading.Lock()
        wfctl("migrate", db=given)
        self.template = self.create()
        wfctl("migrate", db=self.conninfo(self.template))

    def conninfo(self, name):
        if "://" in self.given:
            return self.given + ("&" if "?" in self.given else "?") + "dbname=" + name
        return self.given + " dbname=" + name

    def create(self, template="template0"):
        with self.lock:  # one cannot be copied twice at once
            self.names.append("examples_%d_%d" % (os.getpid(), len(self.names)))
            psql(self.given, "create database %s template %s" % (self.names[-1], template))
            return self.names[-1]

    def fresh(self):
        return self.conninfo(self.create(self.template))

    def drop(self):
        for name in self.names:
            psql(self.given, "drop database %s with (force)" % name)


class Run:
    """One run of an example: its documents speak of the stub where they spoke of public hosts,
    and what came of it is read as if it had been the public ones."""

    def __init__(self, world, name, number, spec):
        self.world, self.name, self.spec = world, name, spec
        self.key, self.namespace = "%s.%d" % (name, number), "%s-%d" % (name, number)
        self.recorder = world.recorder
        speaks = any(spec.get(k) for k in ("before", "events", "emitted"))
        self.db = world.databases.fresh() if speaks else world.databases.given
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="example."))
        self.environment = dict(os.environ)

    def to_stub(self, text):
        for host in HOSTS:
            stub = "%s/%s/%s" % (self.recorder.url, self.key, host.replace("://", "/"))
            text = re.sub(re.escape(host) + r"(?![\w.-])", lambda m, stub=stub: stub, text)
        return text

    def to_public(self, text):
        return re.sub(r"(?:%s)?/%s/(https?)/" % (re.escape(self.recorder.url),
                                                re.escape(self.key)), r"\1://", text)

    def file(self, name, value):
        path = self.folder / name
        path.write_text(self.to_stub(json.dumps(value)))
        return path

    def apply(self):
        """Registers the example under a namespace of its own -> its full name."""
        document = json.loads((self.world.examples / (self.name + ".json")).read_text())
        document["document"]["namespace"] = self.namespace
        for number, child in enumerate(self.spec.get("apply", [])):
            wfctl("apply", self.file("apply%d.json" % number, child), db=self.db)
        self.recorder.answer({
            self.to_stub(url)[len(self.recorder.url):]: json.loads(self.to_stub(json.dumps(list_)))
            for url, list_ in self.spec.get("answers", {}).items()})
        wfctl("apply", self.file("example.json", document), db=self.db)
        return "{namespace}/{name}:{version}".format(**document["document"])

    def prepare_container(self):
        container = self.spec.get("container")
        if container:
            (self.folder / "calls").touch()
            (self.folder / "hello-world.image").write_text(
                "echo 'Hello from Docker!'\necho careful >&2\nexit %d\n" % container.get("code", 0))
            self.environment.update(STAND_IN=str(self.folder), PATH="%s:/usr/bin:/bin" % (
                ROOT / "tests" / "stand-ins" / "docker"))

    def emit(self, which):
        if self.spec.get(which):
            wfctl("emit", self.file(which + ".json", self.spec[which]), db=self.db)

    def is_waiting(self, process):
        if process.poll() is not None:
            raise Failure("the run has ended before its events came: %s" % (process.communicate(),))
        return psql(self.db, "select path from stepwell.steps where status = 'waiting'")

    def execute(self, full_name):
        """-> exit code, the run, seconds"""
        words = ["run", full_name, "-o", "json", "--allow-run", "--allow-sql", "--env", "PATH", "--env",
                 "STAND_IN", "--db", self.db]
        if self.spec.get("input") is not None:
            words += ["--input", "@%s" % self.file("input.json", self.spec["input"])]
        start = time.monotonic()
        process = subprocess.Popen([WFCTL, *words], env=self.environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            if self.spec.get("events"):
                wait_for(lambda: self.is_waiting(process), 30, "the run waits for its events")
                self.emit("events")
            if self.spec.get("cancel"):
                self.recorder.wait("/%s/" % self.key, self.spec["cancel"])
                wfctl("cancel", "@last", db=self.db)
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()
            process.wait()
        seconds = time.monotonic() - start
        for name in self.spec.get("release", []):
            self.recorder.release(name)
        if "refused" in self.spec:
            return process.returncode, err, seconds
        check(out.startswith("{"), "wfctl run: exit %s\n%s%s", process.returncode, out, err)
        return process.returncode, parse(self.to_public(out)), seconds

    # ---- What came of it ----

    def same(self, expected, actual, where):
        if isinstance(expected, re.Pattern):
            check(isinstance(actual, str) and expected.fullmatch(actual), "%s: %r does not match %s",
                  where, actual, expected.pattern)
            return
        problem = difference(parse(json.dumps(expected)), actual, where)
        check(problem is None, "%s", problem)

    def check_refused(self, code, message):
        self.same(6, code, "exit code")
        for part in self.spec["refused"]:
            check(part in message, "nothing about %s in %s", part, message)
        self.same("0", psql(self.db, "select count(*) from stepwell.runs where namespace = '%s'" %
                            self.namespace), "runs")

    def check_run(self, code, run, seconds):
        spec, status = self.spec, self.spec.get("status", "completed")
        low, high = spec.get("within", [0, 60])
        self.same([status, CODES[status]], [run["status"], code], "status and exit code")
        self.same(spec.get("output"), run["output"], "output")
        self.same(spec.get("error"), run["error"], "error")
        statuses = {step["name"]: step["status"] for step in run["steps"]}
        for name, expected in spec.get("steps", {}).items():
            self.same(expected, statuses.get(name), "step " + name)
        check(low <= seconds <= high * stretch(), "took %.1f s, not %d to %d", seconds, low, high)

    def check_requests(self):
        expected = self.spec.get("requests", [])
        actual = [[r["method"], self.to_public(r["path"]), r]
                  for r in self.recorder.records("/%s/" % self.key)]
        if isinstance(expected, tuple):
            expected, actual = sorted(expected, key=str), sorted(actual, key=str)
        self.same([r[:2] for r in expected], [r[:2] for r in actual], "requests")
        for (method, url, wanted), (_, _, record) in zip(expected, actual):
            if "body" in wanted:
                body = parse(record["body"]) if record["body"] else None
                self.same(wanted["body"], body, "%s %s body" % (method, url))
            self.same(dict(wanted.get("headers", {}), **{"...": True}), record["headers"],
                      "%s %s headers" % (method, url))

    def check_container(self):
        container = self.spec.get("container")
        if not container:
            return
        words = re.findall(r"\[(.*?)\]\n", (self.folder / "calls").read_text(), re.S)
        for part in container["has"]:
            check(" %s " % part in " %s " % " ".join(words), "no %s in %s", part, words)
        for part in container["hasnt"]:
            check(part not in words, "%s in %s", part, words)
        tail = container["tail"]
        self.same(tail, words[-len(tail):], "the last arguments")
        self.same(container["left"], len(list(self.folder.glob("*.container"))), "containers left")
        self.same([["sleep", str(container["waiting"])]] if "waiting" in container else [],
                  [words for _, words in self.processes() if words[0] == "sleep"], "processes left")

    def check_emitted(self):
        """Each is taken by a run that waits for one of its type."""
        for number, expected in enumerate(self.spec.get("emitted", [])):
            path = self.file("witness%d.json" % number, {
                "document": {"dsl": "1.0.3", "namespace": "witness", "name": "w%d" % number,
                             "version": "1.0.0"},
                "do": [{"w": {"listen": {"to": {"one": {"with": {"type": expected["type"]}}},
                                         "read": "envelope"}}}]})
            out = wfctl("run", path, "--timeout", "20s", db=self.db).stdout
            self.same([expected], parse(self.to_public(out)), "the event")

    def processes(self):
        """-> (pid, command line) of the processes that know this run's folder."""
        mark = ("STAND_IN=%s" % self.folder).encode()
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (path / "environ").read_bytes().split(b"\0"):
                    yield int(path.name), (path / "cmdline").read_text().split("\0")[:-1]
            except (OSError, ValueError):
                pass  # it has ended, or is not ours

    def check(self):
        try:
            self.prepare_container()
            full_name = self.apply()
            self.emit("before")
            outcome = self.execute(full_name)
            try:
                if "refused" in self.spec:
                    self.check_refused(*outcome[:2])
                else:
                    self.check_run(*outcome)
                self.check_requests()
                self.check_container()
                self.check_emitted()
            except Failure as problem:
                raise Failure("%s: %s\n%s" % (self.key, problem, json.dumps(outcome[1]))) from None
        finally:
            for pid, _ in self.processes() if self.spec.get("container") else []:
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder)


class World:
    def __init__(self, options, recorder):
        self.examples, self.recorder = options.examples, recorder
        self.databases = Databases(os.environ["DATABASE_URL"])

    def check_validates(self, name):
        wfctl("validate", "--spec", self.examples / (name + ".json"))

    def check_refused(self, name):
        path = self.examples / (name + ".json")
        for command in ("apply", "run", "start"):
            done = wfctl(command, path, db=self.databases.given, expect=6)
            for pointer in REFUSED[name]:
                check(": error: %s: " % pointer in done.stderr, "wfctl %s: nothing about %s\n%s",
                      command, pointer, done.stderr)
        document = json.loads(path.read_text())["document"]
        found = psql(self.databases.given, "select count(*) from stepwell.runs where namespace = "
                     "'{namespace}' and name = '{name}'".format(**document))
        check(found == "0", "a run was started")

    def check_runs(self, name):
        for number, spec in enumerate(RUNS[name]):
            missing = [p for p in spec.get("programs", []) if not shutil.which(p)]
            if missing:
                print("# left out: a run of %s needs %s" % (name, " and ".join(missing)))
            else:
                Run(self, name, number, spec).check()


def outcome(function, name):
    """None, or what is wrong."""
    try:
        function(name)
    except (Failure, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return None


def cases(world, options):
    """-> (title, function, name), those that take long first."""
    names = sorted(path.stem for path in options.examples.glob("*.json"))
    check(sorted(list(REFUSED) + list(RUNS)) == names, "other examples than those of the table")
    long = [name for name in RUNS if any(run.get("within", [0])[0] for run in RUNS[name])]
    for name in sorted(names, key=lambda name: name not in long):
        if not options.names or any(part in name for part in options.names):
            yield "%s runs to its outcome" % name if name in RUNS else "%s is refused" % name, \
                world.check_runs if name in RUNS else world.check_refused, name
            yield "%s validates" % name, world.check_validates, name


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--examples", type=lambda text: pathlib.Path(text).resolve(),
                        default=ROOT.parent / "shared" / "openworkflow" / "examples")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if not options.examples.exists():
        print("ok 1 - skipped, %s is not there" % options.examples)
        return
    if "DATABASE_URL" not in os.environ:
        sys.exit("test_examples.py: name an empty database in DATABASE_URL")
    with Recorder() as recorder:
        world = World(options, recorder)
        try:
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                futures = [(title, pool.submit(outcome, function, name))
                           for title, function, name in cases(world, options)]
                failed = report((title, future.result()) for title, future in futures)
        finally:
            world.databases.drop()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
