#!/usr/bin/env python3
"""Runs flows: definitions with what must come of them, as data.

    run.py [--wfctl build-test/wfctl] [--db CONNINFO] [--jobs N] [NAME...]

Each *.json of this folder is one flow:

    definition         a document; where its "document" is absent, it is made from the file's name.
    definition_text    instead of it: the raw text of a file
    input, input_text  the input as JSON, or as raw text
    endings            of the two files' names: {"definition": ".yaml", "input": ".yaml"}
    arguments          further arguments of `wfctl run`
    environment        further variables of wfctl's environment
    programs           what must be in PATH; where it is not, the flow is left out
    apply              definitions that are registered first, with wfctl apply
    setup              SQL that is run first, with psql
    within_ms          [at least, at most] the time that `wfctl run` may take
    expect.exit        exit code; 0 if absent
    expect.status, .output, .error (members given here), .stderr (parts of the text)
    expect.steps       all steps as [name, status, attempts] in the order of their start; a
                       fourth member is the step's path
    expect.requests    path -> {requests, applied, keys, bodies (how many different), body,
                       authorization, key}; a request to any other path is a failure

{recorder} and {other} stand for the recorder's two origins, {version} for a version that is new
at each call, {stand_ins} for the folder tests/stand-ins, {folder} for a new one of the flow's own. In expectations "<any>", "<string>",
"<number>", "<uuid>" and "<time>" match by kind, and an object with "...": true may have further
members. Numbers are compared by their text, so 0.1000 is not 0.1.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Two `create table if not exists` of one table at once can both find it missing.
SETUP = threading.Lock()
sys.path.insert(0, str(HERE.parent / "faults"))
from checks import stretch  # noqa: E402
from recorder import Recorder  # noqa: E402


class Number(str):
    """A number with a fraction or an exponent: its text, so that nothing is rounded."""


def name_of(path):
    return "%s-%s" % (path.parent.name, path.stem)


def parse(text):
    return json.loads(text, parse_float=Number)


KINDS = {
    "<any>": lambda v: True,
    "<string>": lambda v: isinstance(v, str) and not isinstance(v, Number),
    "<number>": lambda v: isinstance(v, (int, Number)) and not isinstance(v, bool),
    "<uuid>": lambda v: isinstance(v, str)
    and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", v),
    "<time>": lambda v: isinstance(v, str)
    and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", v),
}


def difference(expected, actual, where="output"):
    """None, or where and how actual is not what was expected."""
    if isinstance(expected, str) and expected in KINDS:
        return None if KINDS[expected](actual) else "%s: %s, not a %s" % (
            where, json.dumps(actual), expected)
    if type(expected) is not type(actual):
        return "%s: %s, not %s" % (where, json.dumps(actual), json.dumps(expected))
    if isinstance(expected, dict):
        open_ended = expected.get("...")
        names = set(expected) - {"..."}
        if not open_ended and set(actual) - names:
            return "%s: unexpected %s" % (where, sorted(set(actual) - names))
        for name in names:
            if name not in actual:
                return "%s: no %s in %s" % (where, name, json.dumps(actual))
            found = difference(expected[name], actual[name], "%s.%s" % (where, name))
            if found:
                return found
        return None
    if isinstance(expected, list):
        if len(expected) != len(actual):
            return "%s: %s, not %s" % (where, json.dumps(actual), json.dumps(expected))
        for i, item in enumerate(expected):
            found = difference(item, actual[i], "%s[%d]" % (where, i))
            if found:
                return found
        return None
    return None if expected == actual else "%s: %s, not %s" % (
        where, json.dumps(actual), json.dumps(expected))


class Runner:
    """Runs documents with wfctl: one recorder per thread, so that counts are a flow's own."""

    def __init__(self, wfctl, db):
        self.wfctl, self.db = wfctl, db
        self.local = threading.local()
        self.recorders = []
        self.version = "1.0.%d" % time.time()

    def recorder(self):
        if not hasattr(self.local, "recorder"):
            self.local.recorder = Recorder().start()
            self.recorders.append(self.local.recorder)
        return self.local.recorder

    def stop(self):
        for recorder in self.recorders:
            recorder.stop()

    def run(self, name, definition, input_text, arguments=(), environment=None, endings=None):
        """-> exit code, stdout, stderr, seconds. definition is a document or its text."""
        endings = dict({"definition": ".json", "input": ""}, **(endings or {}))
        with tempfile.TemporaryDirectory(prefix="flow.") as folder:
            path = os.path.join(folder, name + endings["definition"])
            if not isinstance(definition, str):
                document = {"dsl": "1.0.3", "namespace": "flows", "name": name,
                            "version": self.version}
                document.update(definition.get("document", {}))
                definition = json.dumps(dict(definition, document=document), ensure_ascii=False)
            pathlib.Path(path).write_bytes(definition.encode("utf-8", "surrogateescape"))
            command = [self.wfctl, "run", path, "-o", "json", "--db", self.db, *arguments]
            if input_text is not None:
                given = pathlib.Path(folder, "input" + endings["input"])
                given.write_text(input_text)
                command += ["--input", "@%s" % given]
            start = time.monotonic()
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                      timeout=300, cwd=folder,
                                      env=dict(os.environ, **(environment or {})))
            except subprocess.TimeoutExpired:
                return None, "", "no end within 300 s", 300
            return (done.returncode, done.stdout.decode("utf-8", "replace"),
                    done.stderr.decode("utf-8", "replace"), time.monotonic() - start)


def check_requests(expected, records):
    by_path = {}
    for record in records:
        by_path.setdefault(record["path"].partition("?")[0], []).append(record)
    for path in set(by_path) - set(expected):
        return "unexpected requests to %s" % path
    for path, wanted in expected.items():
        got = by_path.get(path, [])
        actual = {"requests": len(got), "applied": sum(r["applied"] for r in got),
                  "keys": len({r["key"] for r in got if r["key"]}),
                  "bodies": len({r["sha256"] for r in got}),
                  "body": got[0]["body"] if got else None,
                  "key": got[0]["key"] if got else None,
                  "authorization": got[0]["authorization"] if got else None}
        for name, value in wanted.items():
            found = difference(value, actual[name], "%s %s" % (path, name))
            if found:
                return found
    return None


def steps_of(run, wanted):
    steps = []
    for step, pattern in zip(run["steps"], wanted + [[]] * len(run["steps"])):
        line = [step["name"], step["status"], step["attempts"]]
        steps.append(line + [step["path"]] if len(pattern) == 4 else line)
    return steps


def check(flow, recorder, code, out, err, seconds):
    """None, or what is wrong."""
    expect = flow.get("expect", {})
    if code != expect.get("exit", 0):
        return "exit %s, not %s" % (code, expect.get("exit", 0))
    for part in expect.get("stderr", []):
        if part not in err + out:
            return "nothing about %r in the output" % part
    low, high = flow.get("within_ms", [0, 60000])
    if not low <= seconds * 1000 <= high * stretch():
        return "took %.0f ms, not %d to %d" % (seconds * 1000, low, high)
    if code in (0, 10, 11):
        try:
            run = parse(out)
        except ValueError as error:
            return "stdout is not JSON: %s" % error
        status = {0: "completed", 10: "faulted", 11: "cancelled"}[code]
        found = difference(expect.get("status", status), run.get("status"), "status")
        if not found and "output" in expect:
            found = difference(expect["output"], run.get("output"))
        if not found and "error" in expect:
            found = difference(dict(expect["error"], **{"...": True}), run.get("error"), "error")
        if not found and "steps" in expect:
            found = difference(expect["steps"], steps_of(run, expect["steps"]), "steps")
        if found:
            return found
    if "requests" in expect:
        return check_requests(expect["requests"], recorder.records())
    return None


def run_flow(runner, path):
    with tempfile.TemporaryDirectory(prefix="flow.") as folder:
        return run_flow_in(runner, path, folder)


def run_flow_in(runner, path, folder):
    recorder = runner.recorder()
    recorder.reset()
    text = path.read_text()
    for name, value in [("{recorder}", recorder.url), ("{other}", recorder.other_url),
                        ("{version}", runner.version), ("{folder}", folder),
                        ("{stand_ins}", str(HERE.parent / "stand-ins"))]:
        text = text.replace(name, value)
    flow = parse(text)
    if flow.get("setup"):
        with SETUP:
            subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", runner.db, "-c",
                            flow["setup"]], check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for n, document in enumerate(json.loads(text).get("apply", [])):
        file = pathlib.Path(folder, "apply%d.json" % n)
        file.write_text(json.dumps(document))
        subprocess.run([runner.wfctl, "apply", "--db", runner.db, str(file)], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=300)
    definition = flow.get("definition_text")
    if definition is None:
        definition = json.loads(text)["definition"]
    input_text = flow.get("input_text")
    if input_text is None and "input" in flow:
        input_text = json.dumps(json.loads(text)["input"], ensure_ascii=False)
    code, out, err, seconds = runner.run(name_of(path), definition, input_text,
                                         flow.get("arguments", []), flow.get("environment"),
                                         flow.get("endings"))
    problem = check(flow, recorder, code, out, err, seconds)
    return problem and "%s\n%s" % (problem, (out + err).strip()[:3000])


def report(results):
    """Prints TAP lines for (name, problem or None); returns the number of failures."""
    failed = 0
    count = 0
    for count, (name, problem) in enumerate(results, 1):
        failed += problem is not None
        print("%s %d - %s" % ("ok" if problem is None else "not ok", count, name))
        for line in (problem or "").splitlines():
            print("#   " + line)
        sys.stdout.flush()
    print("1..%d" % count)
    return failed


def arguments_parser(what):
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--wfctl", default=str(ROOT / "build" / "wfctl"))
    parser.add_argument("--db", default=os.environ.get("DATABASE_URL"))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("names", nargs="*", help="only these (parts of names)")
    return parser


def run_all(what, collect):
    """collect(runner) -> [(name, function of no arguments -> problem or None)]"""
    options = arguments_parser(what).parse_args()
    if not options.db:
        sys.exit("run.py: name a database with --db or DATABASE_URL")
    wfctl = os.path.abspath(options.wfctl)
    # The journal's schema first: flows run at the same time.
    subprocess.run([wfctl, "migrate", "--db", options.db], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    runner = Runner(wfctl, options.db)
    try:
        cases = [case for case in collect(runner)
                 if not options.names or any(part in case[0] for part in options.names)]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            futures = [(name, pool.submit(function)) for name, function in cases]
            failed = report((name, future.result()) for name, future in futures)
    finally:
        runner.stop()
    sys.exit(1 if failed else 0)


def can_run(path):
    missing = [program for program in parse(path.read_text()).get("programs", [])
               if not shutil.which(program)]
    if missing:
        print("# left out: flow %s needs %s" % (name_of(path), " and ".join(missing)))
    return not missing


def main():
    run_all(__doc__.split("\n\n")[0], lambda runner: [
        ("flow " + name_of(path), lambda path=path: run_flow(runner, path))
        for path in sorted(HERE.glob("*/*.json")) if can_run(path)])


if __name__ == "__main__":
    main()
