#!/usr/bin/env python3
"""The command line as a stranger uses it: every command with real input and with bad input, its exit
code, what goes to stdout and what to stderr, the shapes of its JSON, and the SQL interface.

    test_cli.py [NAME...]    only the cases with NAME in their name

Finds the program in WFCTL and a server in DATABASE_URL; each case has a database and a folder of its
own. Prints TAP lines. Standard library only."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "faults"))
from harness import ROOT, Failure, check, wait_for  # noqa: E402
from recorder import Recorder  # noqa: E402
from servers import postgres_bin  # noqa: E402
import tap  # noqa: E402
import terminal  # noqa: E402

WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
PATIENCE = 60  # seconds, for anything that must happen
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
        self.stack.callback(self.kill, process)
        return process

    @staticmethod
    def kill(process):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()

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


# ---- Cases ----

def migrate(w):
    """migrate creates the schema, is safe to repeat, and refuses another encoding"""
    empty = w.server.create("empty")
    w.expect(7, "migrate", "--check", "--db", empty, out="wfctl migrate", err="")
    w.fails(7, "run: wfctl migrate", "list", "--db", empty)
    w.fails(7, "run: wfctl migrate", "worker", "--db", empty)
    w.expect(0, "migrate", "--db", empty, out="5 migrations applied", err="")
    w.expect(0, "migrate", "--db", empty, out="the schema is up to date\n", err="")
    w.expect(0, "migrate", "--check", "--db", empty, out="up to date", err="")
    w.expect(0, "list", "--db", empty, out="", err="")
    ascii_ = w.server.create("ascii", "encoding 'SQL_ASCII' template template0 locale 'C'")
    w.fails(7, "SQL_ASCII", "migrate", "--db", ascii_)
    w.fails(7, "SQL_ASCII", "migrate", "--check", "--db", ascii_)
    w.fails(7, "SQL_ASCII", "list", "--db", ascii_)


def migrate_print(w):
    """migrate --print needs no database, and what it prints makes the schema"""
    sql = w.expect(0, "migrate", "--print", "--db", "host=/nowhere", err="").out
    printed = w.server.create("printed")
    done = w.server.psql(printed, sql)
    check(done.returncode == 0, "%s", done.stderr)
    w.expect(0, "migrate", "--db", printed, err="")
    w.expect(0, "migrate", "--check", "--db", printed)
    w.expect(0, "start", w.file("a", [{"a": {"set": {"x": 1}}}]), "--db", printed)


def unreachable(w):
    """a database that is not there: exit 7, and no password in the text"""
    hello = w.file("a", [{"a": {"set": {"x": 1}}}])
    for conninfo in ("host=/nowhere password=geheim dbname=x",
                     "postgresql://u:geheim@127.0.0.1:1/x", "postgresql://u:geh%zzeim@h/x",
                     "host=127.0.0.1 port=1 password=geheim passwort=geheim",
                     "host=/nowhere password='geheim"):
        for words in (["list"], ["run", hello], ["migrate"]):
            result = w.fails(7, "wfctl: ", *words, "--db", conninfo)
            check("geheim" not in result.err, "the password is told: %s", result)
    result = w.fails(2, "--database takes NAME=CONNINFO", "worker", "--database",
                     "postgresql://u:geheim@h/x")
    check("geheim" not in result.err, "the password is told: %s", result)
    result = w.fails(7, "wfctl: ", "list", env={"DATABASE_URL": "postgresql://u:geheim@127.0.0.1:1/"})
    check("geheim" not in result.err, "the password is told: %s", result)


def usage(w):
    """help for each command; misuse is exit 2 and says what was meant"""
    overview = w.expect(0, "help", err="").out
    check(overview == w.expect(0, "--help").out, "--help differs from help")
    commands = re.findall(r"^  (\w+) +\S", overview, re.M)
    check(set(commands) >= set("run start status list history retry cancel suspend resume validate "
                               "apply workflows worker dev migrate version help".split()),
          "commands: %s", commands)
    for command in commands:
        text = w.expect(0, "help", command, err="").out
        check(text.startswith("wfctl %s: " % command) and "usage: wfctl " + command in text
              and "Exit codes:" in text, "%s", text)
        check(text == w.expect(0, command, "--help", err="").out, "help %s differs", command)
        check(max(map(len, text.splitlines())) <= 100, "help %s is wide", command)
        w.fails(2, "wfctl help " + command, command, "--no-such-option")
    w.fails(2, "did you mean --input?", "run", "x.json", "--inptu", "1")
    w.fails(2, "--input needs a value", "run", "x.json", "--input")
    w.fails(2, "did you mean status?", "statsu")
    w.fails(2, "wfctl help", "frobnicate")
    w.fails(2, "needs an argument", "run")
    w.fails(2, "takes no argument \"b.json\"", "run", "a.json", "b.json")
    w.fails(2, "NAMESPACE/NAME", "run", "nonsense")
    w.fails(2, "duration", "run", "x/y", "--timeout", "soon")
    w.fails(2, "text|json|jsonl", "list", "-o", "xml")
    w.fails(2, "did you mean retry?", "help", "retyr")
    check(w.run().code == 2, "no command at all is misuse")
    version = w.expect(0, "version", err="").out
    check(re.fullmatch(r"wfctl \d+\.\d+\.\d+\n", version), "%s", version)
    check(w.expect(0, "version", "-o", "json").json == {"version": version.split()[1]}, "version")


def validate(w):
    """validate names every problem of several files with its place, without a database"""
    good = w.file("good", [{"a": {"set": {"x": 1}}}])
    bad = w.text("bad.json", """{"document":{"dsl":"1.0.3","namespace":"t","name":"b","version":"1.0.0"},
 "do":[{"greet":{"sett":{"hi":1}}},
 {"x":{"call":"http","with":{"methd":"get","endpoint":"http://x"}}}]}""")
    fork = w.file("fork", [{"f": {"run": {"script": {
        "language": "ruby", "code": "1"}}}}])
    none = {"DATABASE_URL": "host=/nowhere"}
    w.expect(0, "validate", good, out="good.json: valid", err="", env=none)
    result = w.expect(6, "validate", good, bad, err="", env=none)
    for text in ("good.json: valid", "bad.json:2:18: error: /do/0/greet/sett:", "did you mean \"set\"",
                 "bad.json:3:29: error: /do/1/x/with:", "\"method\" is missing",
                 "bad.json:3:30: error: /do/1/x/with/methd:", "did you mean \"method\""):
        check(text in result.out, "nothing about %r; %s", text, result)
    w.expect(0, "validate", fork, out="warning: /do/0/f/run/script/language: ", err="")
    w.expect(6, "validate", "--runnable", fork, out="error: /do/0/f/run/script/language: ", err="")
    w.expect(3, "validate", good, "nowhere.json", err="nowhere.json", out="good.json: valid")
    verdicts = w.expect(6, "validate", good, bad, "-o", "json", err="").lines
    for verdict in verdicts:
        shape(verdict, ["file", "valid", "runnable", "findings"])
    check([v["valid"] for v in verdicts] == [True, False], "%s", verdicts)
    shape(verdicts[1]["findings"][0], ["class", "line", "column", "pointer", "text"])
    same = w.expect(6, "validate", good, bad, "--format", "json", err="").lines
    check(same == verdicts, "--format json differs from -o json: %s", same)
    w.fails(2, "give one", "validate", good, "--format", "json", "-o", "text")
    check(w.expect(0, "validate", fork, "-o", "json").json["runnable"] is False, "the fork cannot be run")


def validate_beyond_schema(w):
    """what the schema cannot say is a warning of validate, and refused by apply, run and start"""
    cases = {
        "then": ([{"a": {"set": {"x": 1}, "then": "nowhere"}}], "/do/0/a/then: no task \"nowhere\""),
        "name": ([{"a": {"set": {"x": 1}}}, {"a": {"set": {"x": 1}}}], "/do/1/a: another task of this list is named"),
        "use": ([{"a": {"raise": {"error": "nowhere"}}}], "/do/0/a/raise/error: no entry \"nowhere\" in use.errors"),
        "empty": ([{"a": {"do": []}}], "/do/0/a/do: this list of tasks is empty"),
        "duration": ([{"a": {"wait": {"seconds": -1}}}], "/do/0/a/wait/seconds: must be an integer from 0"),
        "expression": ([{"a": {"set": {"x": "Hello ${ .name | lenght }"}}}], "/do/0/a/set/x: the expression does not "
                       "compile: no function lenght; did you mean length"),
        "unclosed": ([{"a": {"set": {"x": "${ .a"}}}], "/do/0/a/set/x: the expression does not compile: this ${"),
        "pattern": ([{"a": {"listen": {"to": {"one": {"with": {"type": "("}}}}}}], "regular expression is not valid"),
    }
    for name, (tasks, text) in cases.items():
        path = w.file(name, tasks)
        w.expect(0, "validate", path, out="warning: ", err="")
        check(text in w.expect(0, "validate", path).out, "nothing about %r", text)
        w.expect(6, "validate", "--runnable", path, out="error: ", err="")
        for command in ("apply", "run", "start"):
            w.fails(6, text, command, path)
    head = "document: { dsl: 1.0.3, namespace: t, name: columns, version: 1.0.0 }\ndo:\n"
    expression = "  - a:\n      set:\n        text: >-\n          Hello ${ .name\n            | lenght }\n"
    two = w.text("columns.yaml", head + expression + "  - b:\n      wait: PT1S\n      then: nowhere\n")
    out = w.expect(0, "validate", two, err="").out
    for place in ("columns.yaml:7:15: warning: /do/0/a/set/text: ", "columns.yaml:10:13: warning: /do/1/b/then: "):
        check(place in out, "nothing at %s in %s", place, out)
    lonely = w.text("lonely.yaml", head + expression)
    out = w.expect(0, "validate", lonely, err="").out
    check("lonely.yaml:7:15: warning: /do/0/a/set/text: " in out, "no column in %s", out)
    unreached = w.file("unreached", [{"a": {"set": {"x": 1}, "then": "end"}}, {"b": {"set": {"x": 1}}}])
    w.expect(0, "validate", "--runnable", unreached, out="warning: /do/1/b: this task is never reached", err="")
    w.expect(0, "apply", unreached)


def validate_large(w):
    """a thousand tasks with expressions are judged at once"""
    tasks = [{"t%d" % i: {"set": {"x": "${ .items | map(select(.price > %d)) | length }" % i}, "if": ".n > %d" % i}}
             for i in range(1000)]
    path = w.file("large", tasks)
    started = time.monotonic()
    w.expect(0, "validate", "--runnable", path, out="valid", err="")
    took = time.monotonic() - started
    check(took < 10, "took %.1f s", took)  # libjq alone would take that, and this build is slow


def validate_text(w):
    """what is no JSON is refused with exit 6 and its place"""
    head = '{"document":{"dsl":"1.0.3","namespace":"t","name":"d","version":"1.0.0"},\n"do":[{"g":'
    for name, content, text in (
            ("duplicate", head + '{"set":{"hi":1,"hi":2}}}]}', "2:27: error: not JSON: duplicate"),
            ("utf8", head.encode() + b'{"set":{"hi":"\xff"}}}]}', "2:26: error: not JSON: invalid UTF-8"),
            ("deep", "[" * 100000 + "]" * 100000, "nested too deeply"),
            ("deeper", head + '{"set":' + '{"a":' * 100000 + "1" + "}" * 100003, "nested too deeply"),
            ("empty", "", "1:1: error: not JSON"), ("cut", head, "error: not JSON"),
            ("list", "[]", "error: "), ("bom", b"\xef\xbb\xbf{}", "error: ")):
        path = w.text(name + ".json", content)
        w.expect(6, "validate", path, out=text, err="")
        for command in ("apply", "run", "start"):
            w.fails(6, text, command, path)


def apply(w):
    """apply registers files and folders, all or none; a version never changes"""
    os.mkdir(w.dir + "/defs")
    w.file("one", [{"a": {"set": {"x": 1}}}], "defs/one")
    w.file("two", [{"a": {"set": {"x": 1}}}], "defs/two")
    w.text("defs/readme.txt", "no definition")
    w.expect(0, "apply", "defs", err="",
             out="cli/one:1.0.0  registered\ncli/two:1.0.0  registered\n")
    w.expect(0, "apply", "defs", err="", out="cli/two:1.0.0  unchanged\n")
    same = json.dumps(json.loads(pathlib.Path(w.dir, "defs/one.json").read_text()), indent=3,
                      sort_keys=True)
    w.expect(0, "apply", w.text("same.json", same), out="unchanged", err="")
    other = w.file("one", [{"a": {"set": {"x": 2}}}], "other")
    fresh = w.file("fresh", [{"a": {"set": {"x": 2}}}])
    w.fails(5, "cli/one:1.0.0", "apply", fresh, other)
    w.fails(5, "other content", "run", other)
    w.fails(3, "cli/fresh", "start", "cli/fresh")
    unsupported = w.file("fork", [{"f": {"run": {"script": {
        "language": "ruby", "code": "1"}}}}])
    for command in ("apply", "run", "start"):
        w.fails(6, "/do/0/f/run/script/language: ", command, unsupported)
    w.fails(3, "nowhere.json", "apply", "nowhere.json")
    os.mkdir(w.dir + "/none")
    w.fails(3, "none", "apply", "none")
    w.fails(3, "none", "validate", "none")
    result = w.expect(0, "apply", "defs", fresh, "-o", "json", err="").lines
    for line in result:
        shape(line, ["file", "workflow", "result"])
    check([r["result"] for r in result] == ["unchanged", "unchanged", "registered"], "%s", result)
    w.expect(0, "apply", w.file("one", [{"a": {"set": {"v": "pre"}}}], "pre", "2.0.0-rc.1"))
    w.expect(0, "apply", w.file("one", [{"a": {"set": {"v": 10}}}], "ten", "1.10.0"))
    w.expect(0, "apply", w.file("one", [{"a": {"set": {"v": 9}}}], "nine", "1.9.0"))
    check(w.expect(0, "run", "cli/one").json == {"v": 10}, "the highest release is not taken")
    check(w.expect(0, "run", "cli/one:1.9.0").json == {"v": 9}, "not the version that was named")
    listed = w.expect(0, "workflows", "-o", "json", err="").lines
    shape(listed[0], ["namespace", "name", "version", "digest", "createdAt", "activeRuns"])
    check(("one", "1.10.0") in [(d["name"], d["version"]) for d in listed], "%s", listed)
    w.expect(0, "workflows", out="cli/two:1.0.0", err="")


def run(w):
    """run prints the output on stdout only; input comes as JSON, @file or -"""
    path = w.file("in", [{"a": {"set": {"got": "${ .n }"}}}])
    given = '{"n": 9007199254740993}'
    for words, text in (((given,), None), (("@" + w.text("in.txt", given + "\n"),), None),
                        (("-",), given)):
        w.expect(0, "run", path, "--input", *words, input=text,
                 out='{"got":9007199254740993}\n', err="")
    w.expect(0, "run", "cli/in", "-i", '{"n":[0.1000,1e400,"a\\u0000b"]}', err="",
             out='{"got":[0.1000,1e400,"a\\u0000b"]}\n')
    for bad, text in (('{"a":1,"a":2}', "duplicate member at line 1"), ("{bad", "--input: "),
                      ("@" + w.text("deep", "[" * 100000), "nested too deeply")):
        w.fails(6, text, "run", path, "--input", bad)
    w.fails(6, "invalid UTF-8", "run", path, "--input", "-", input=b'"\xff"')
    w.fails(3, "nofile", "run", path, "--input", "@nofile")
    w.fails(3, "cli/unknown", "run", "cli/unknown")
    w.fails(3, "cli/in:9.9.9", "run", "cli/in:9.9.9")
    w.fails(3, "nofile.json", "run", "nofile.json")
    w.fails(2, "--key-ttl needs --key", "run", path, "--key-ttl", "1h")
    check(w.sql("select count(*) from stepwell.runs") == "4", "a refused start left a run")


def run_key(w):
    """run with a key: the first run's output again, another input is a conflict"""
    recorder = w.recorder()
    path = w.file("k", [{"a": post(recorder.url + "/dedupe/a")}])
    first = w.expect(0, "run", path, "--key", "K", "--input", '{"n": 1}', err="")
    again = w.expect(0, "run", path, "--key", "K", "--input", '{"n":1}', err="")
    check(first.out == again.out, "another output: %s %s", first, again)
    w.fails(5, "\"K\"", "run", path, "--key", "K", "--input", '{"n":2}')
    check(len(recorder.records("/dedupe/a")) == 1, "executed again")
    check(w.sql("select count(*) from stepwell.runs") == "1", "a second run")


def run_json(w):
    """-o json of run and status is one object with the members of the design, in their order"""
    recorder = w.recorder()
    path = w.file("shape", [
        {"first": post(recorder.url + "/dedupe/first")},
        {"skipped": {"if": "${ false }", "set": {"x": 1}}},
        {"each": {"for": {"each": "x", "in": "${ [1,2] }"}, "do": [{"in": {"set": {"x": "${ $x }"}}}]}}])
    result = w.expect(0, "run", path, "-o", "json", "--key", "K", err="").json
    check(w.expect(0, "status", result["id"], "-o", "json", err="").json == result,
          "status shows another object")
    shape(result, RUN_MEMBERS)
    shape(result["workflow"], ["namespace", "name", "version"])
    check(result["status"] == "completed" and result["key"] == "K" and result["error"] is None
          and result["output"] == {"x": 2} and result["input"] is None, "%s", result)
    for name in ("createdAt", "startedAt", "endedAt"):
        check(re.fullmatch(TIME, result[name]), "%s: %s", name, result[name])
    check([(s["path"], s["name"], s["status"]) for s in result["steps"]] == [
        ("/do/0/first", "first", "completed"), ("/do/1/skipped", "skipped", "skipped"),
        ("/do/2/each", "each", "completed"), ("/do/2/each[0]/do/0/in", "in", "completed"),
        ("/do/2/each[1]/do/0/in", "in", "completed")], "%s", result["steps"])
    for step in result["steps"]:
        shape(step, STEP_MEMBERS)
        check(re.fullmatch(UUID, step["stepId"]), "%s", step)
    check(result["steps"][4]["reference"] == "/do/2/each/do/0/in", "%s", result["steps"][4])
    record = recorder.records("/dedupe/first")[0]
    check(record["key"] == result["steps"][0]["stepId"], "the key is not the stepId")
    w.expect(0, "status", "@last", err="", out="[1] in")


def run_faulted(w):
    """a faulted run is exit 10: the error on stderr, the object on stdout with -o json"""
    path = w.file("f", [{"ok": {"set": {"x": 1}}}, {"boom": {"raise": {"error": {
        "type": "https://example.com/e", "status": 418, "title": "Teapot", "detail": "short"}}}}])
    result = w.fails(10, "Teapot (418): short", "run", path)
    check("/do/1/boom" in result.err, "%s", result)
    told = re.findall(r"wfctl ((?:status|retry) \w+)$", result.err, re.M)
    check(len(told) == 2, "no command to go on: %s", result)
    for command in told:
        w.expect(0, *command.split(), err="")
    result = w.expect(10, "run", path, "-o", "json", err="Teapot").json
    shape(result, RUN_MEMBERS)
    check(result["output"] is None and result["error"] == {
        "type": "https://example.com/e", "status": 418, "title": "Teapot", "detail": "short",
        "instance": "/do/1/boom"}, "%s", result["error"])
    check(result["steps"][1]["error"] == result["error"], "%s", result["steps"])
    w.expect(0, "status", "@last", out="wfctl retry ", err="")
    w.expect(10, "status", "-w", "@last", out="Teapot", err="")


def run_waits(w):
    """run executes a wait of more than 2 s by itself, without any pool"""
    path = w.file("w", [{"w": {"wait": "PT2.2S"}}, {"a": {"set": {"done": True}}}])
    result = w.expect(0, "run", path, "-o", "json", err="").json
    w.sql("select 1 / (extract(epoch from ended_at - started_at) >= 2.2)::int from stepwell.runs")
    check(result["output"] == {"done": True}, "%s", result)


def run_timeout(w):
    """--timeout is exit 8, and the run goes on with the pool"""
    recorder = w.recorder()
    path = w.file("t", [{"a": post(recorder.url + "/dedupe/a")}, {"w": {"wait": "PT2S"}},
                        {"b": post(recorder.url + "/dedupe/b")}])
    result = w.fails(8, "come back with: wfctl status", "run", path, "--timeout", "700ms")
    worker = w.worker()
    recorder.wait("/dedupe/b", 1)
    command = re.search(r"come back with: wfctl (.*)", result.err).group(1)
    w.wait_status(w.last(), "completed")
    w.expect(0, *shlex.split(command), out="completed", err="")
    check(len(recorder.records("/dedupe/a")) == 1, "a completed step was executed again")
    check(w.end(worker, signal.SIGTERM).code == 0, "the worker's exit code")


def run_remote(w):
    """--remote leaves the run to the pool and prints its output all the same"""
    path = w.file("r", [{"a": {"set": {"by": "pool"}}}])
    w.fails(8, "come back with", "run", path, "--remote", "--timeout", "300ms")
    w.worker()
    check(w.expect(0, "run", path, "--remote", err="").json == {"by": "pool"}, "the output")
    waits = w.file("x", [{"a": {"wait": "PT1H"}}])
    process = w.spawn("run", waits, "--remote")
    wait_for(lambda: w.sql("select count(*) from stepwell.runs where status = 'waiting'") == "1",
             PATIENCE, "the run waits")
    w.expect(0, "cancel", "@last", err="")
    out, err = process.communicate(timeout=PATIENCE)
    check(process.returncode == 11 and not out and "cancelled" in err, "%s %s", out, err)


def run_interrupt(w):
    """Ctrl-C detaches: exit 8, the printed command works, the pool goes on"""
    recorder = w.recorder()
    path = w.file("c", [{"a": post(recorder.url + "/dedupe/a")}, {"w": {"wait": "PT1S"}},
                        {"b": post(recorder.url + "/hold/b/x")}, {"c": {"set": {"end": 1}}}])
    process = w.spawn("run", path)
    recorder.wait("/hold/b/x", 1)
    begun = time.monotonic()
    result = w.end(process, signal.SIGINT)
    check(time.monotonic() - begun < 5, "Ctrl-C took %d s", time.monotonic() - begun)
    check(result.code == 8 and not result.out, "%s", result)
    command = re.search(r"come back with: wfctl (.*)", result.err)
    check(command, "no way back: %s", result)
    w.expect(0, *shlex.split(command.group(1)), err="", out="cli/c:1.0.0")
    w.worker()
    recorder.wait("/hold/b/x", 2)
    recorder.release("b")
    w.expect(0, *shlex.split(command.group(1)), "-w", out="completed", err="")
    check(len({r["key"] for r in recorder.records("/hold/b/x")}) == 1, "another key")
    check(len(recorder.records("/dedupe/a")) == 1, "a completed step was executed again")


def run_cancelled(w):
    """a run that somebody cancels is exit 11; a running shell is killed as a group"""
    pid = w.dir + "/pid"
    path = w.file("s", [{"s": {"run": {"shell": {
        "command": "(sleep 300; true) & echo $! > $1.new; mv $1.new $1; wait", "arguments": [pid]}}}}])
    process = w.spawn("run", path, "--allow-run", "-o", "json")
    wait_for(lambda: os.path.exists(pid), PATIENCE, "the shell runs")
    w.expect(0, "cancel", "@last", out="cancel requested", err="")
    out, err = process.communicate(timeout=PATIENCE)
    check(process.returncode == 11, "exit %d %s", process.returncode, err)
    check(json.loads(out)["status"] == "cancelled" and "was cancelled" in err, "%s %s", out, err)
    wait_for(lambda: not is_alive(pathlib.Path(pid).read_text().strip()), PATIENCE,
             "the shell's child is killed")
    w.expect(0, "cancel", "@last", out="cancelled", err="")
    w.fails(5, "cancelled", "retry", "@last")
    last = w.expect(0, "history", "@last", "-o", "json", err="").lines[-1]
    check(last["kind"] == "cancelled" and last["outcome"] == "uncertain", "the shell was cut short: %s", last)


def start(w):
    """start prints the id only; keys, --wait, --delay, --at"""
    path = w.file("s", [{"a": {"set": {"got": "${ .n }"}}}])
    first = w.expect(0, "start", path, "--key", "K", "--input", '{"n":1}', err="")
    check(re.fullmatch(UUID + r"\n", first.out), "%s", first)
    again = w.expect(0, "start", "cli/s", "--key", "K", "--input", '{ "n": 1 }', err="")
    check(again.out == first.out, "another run for the same key")
    w.fails(5, first.id, "start", "cli/s", "--key", "K", "--input", '{"n":2}')
    found = w.expect(0, "start", "cli/s", "--key", "K", "--input", '{"n":1}', "-o", "json").json
    check(found == {"id": first.id, "created": False}, "%s", found)
    w.fails(8, "come back with", "start", "cli/s", "--wait", "--timeout", "300ms", "-o", "json")
    w.fails(2, "--timeout needs --wait", "start", "cli/s", "--timeout", "1s")
    w.fails(2, "exclude each other", "start", "cli/s", "--delay", "1h", "--at", "2030-01-01T00:00:00Z")
    w.fails(2, "time such as", "start", "cli/s", "--at", "tomorrow")
    w.fails(2, "must not be empty", "start", "cli/s", "--key", "")
    w.fails(3, "wfctl apply", "start", "cli/unknown")
    later = w.expect(0, "start", "cli/s", "--delay", "1h", err="").id
    then = w.expect(0, "start", "cli/s", "--at", "2100-01-01T00:00:00Z", err="").id
    soon = w.expect(0, "start", "cli/s", "--delay", "1s", err="").id
    w.expect(0, "status", later, out="in 59m", err="")
    shown = w.expect(0, "status", then, "-o", "json").json
    check(shown["dueAt"] == "2100-01-01T00:00:00.000000Z" and shown["status"] == "pending", "%s", shown)
    worker = w.worker()
    w.wait_status(soon, "completed")
    w.sql("select 1 / (started_at >= created_at + interval '1 second')::int from stepwell.runs "
          "where id = '%s'" % soon)
    done = w.expect(0, "start", "cli/s", "--wait", "--input", '{"n":3}', err="")
    check(done.id in w.expect(0, "list", "--status", "completed").out, "%s", done)
    whole = w.expect(0, "start", "cli/s", "--wait", "--input", '{"n":3}', "-o", "json", err="").json
    check(whole["output"] == {"got": 3}, "%s", whole)
    check((w.status(later), w.status(then)) == ("pending", "pending"), "started too early")
    w.expect(0, "cancel", later, then, err="")
    w.wait_status(then, "cancelled")
    w.wait_status(later, "cancelled")
    fault = w.file("bad", [{"a": {"raise": {"error": {"type": "https://x/e", "status": 400}}}}])
    w.expect(10, "start", fault, "--wait", err="faulted")
    check(w.end(worker, signal.SIGTERM).code == 0, "the worker's exit code")


def status(w):
    """status finds a run by id, ending and @last, and watches it to its end"""
    w.fails(3, "no run", "status", "@last")
    path = w.file("s", [{"outer": {"do": [{"inner": {"set": {"x": 1}}}]}}])
    ids = [w.expect(0, "start", path).id for _ in range(2)]
    w.work()
    for name in (ids[0], ids[0][-6:], ids[0][-12:], ids[0].replace("-", ""), ids[0][-8:].upper()):
        w.expect(0, "status", name, out="run        " + ids[0], err="")
    text = w.expect(0, "status", "@last", out=ids[1], err="").out
    check(re.search(r"^  ✓ outer +completed .*\n    ✓ inner +completed ", text, re.M), "%s", text)
    check("output     {\"x\": 1}" in text, "%s", text)
    w.sql("insert into stepwell.run (id, definition_id, input, created_at) select "
          "overlay(id::text placing 'aaaa' from 20 for 4)::uuid, definition_id, 'null', now() "
          "from stepwell.run where id = '%s'" % ids[0])
    w.fails(5, "several runs", "status", ids[0][-12:])
    w.fails(2, "names no run", "status", ids[0][-5:])
    w.fails(2, "names no run", "status", "nonsense")
    w.fails(3, "no run", "status", "ffffffffffff")
    w.fails(3, "no run", "history", ids[0][:-6] + "000000")
    w.fails(2, "needs a RUN", "status", "--watch")


def status_folds(w):
    """status leaves out the completed iterations of a long loop, not those that failed"""
    w.expect(0, "apply", w.file("loop", [{"l": {"for": {"each": "i", "in": "${ [range(50)] }"}, "do": [
        {"t": {"try": [{"x": {"set": {"i": "${ $i }"}}}, {"r": {
            "if": "${ $i == 7 or $i == 9 }", "raise": {"error": {"type": "https://example.com/e",
                                                                 "status": 500}}}}],
               "catch": {"do": [{"c": {"set": {"x": 1}}}]}}}]}}]))
    run = w.expect(0, "start", "cli/loop").id
    w.work()
    text = w.expect(0, "status", run).out
    shown = sorted(set(map(int, re.findall(r"\[(\d+)\] t ", text))))
    check(shown == [7, 9, 47, 48, 49] and text.count("... 45 completed iterations (--all)") == 1,
          "%s: %s", shown, text)
    text = w.expect(0, "status", run, "--all").out
    check(len(re.findall(r"\[\d+\] t ", text)) == 50 and "..." not in text, "%s", text[-2000:])
    steps = w.expect(0, "status", run, "-o", "json").json["steps"]
    check(len(steps) == 1 + 50 * 3 + 2, "JSON has all of them, not %d", len(steps))


def status_tree(w):
    """status shows the runs that a run has started, and theirs"""
    def child(name):
        return {"run": {"workflow": {"namespace": "cli", "name": name, "version": "1.0.0"}}}
    w.expect(0, "apply", w.file("leaf", [{"a": {"set": {"x": 1}}}]))
    w.expect(0, "apply", w.file("mid", [{"down": child("leaf")}, {"again": child("leaf")}]))
    w.expect(0, "apply", w.file("top", [{"go": child("mid")}, {"last": child("leaf")}]))
    run = w.expect(0, "start", "cli/top").id
    check("\nstarted\n" not in w.expect(0, "status", run).out, "children of a run that has none")
    w.work()
    out = w.expect(0, "status", run).out
    tree = re.findall(r"^( +)\S+ ([0-9a-f]{12})  (\w+) +cli/(\w+):1.0.0  by (\S+)$", out, re.M)
    check([(len(t[0]), t[2], t[3], t[4]) for t in tree] == [
        (2, "completed", "mid", "/do/0/go"), (4, "completed", "leaf", "/do/0/down"),
        (4, "completed", "leaf", "/do/1/again"), (2, "completed", "leaf", "/do/1/last")], "%s", out)
    w.expect(0, "status", tree[1][1], out="parent     ")


def status_watch(w):
    """status -w ends when the run does, with the run's exit code"""
    path = w.file("s", [{"w": {"wait": "PT1S"}}])
    w.expect(0, "start", path)
    process = w.spawn("status", "-w", "@last")
    w.worker()
    out, err = process.communicate(timeout=PATIENCE)
    check(process.returncode == 0 and "status     completed" in out and not err, "%s %s", out, err)


def pool(w):
    """status without a run: counts, what is due, what is missing, workers"""
    shell = w.file("sh", [{"s": {"run": {"shell": {"command": "echo hi"}}}}])
    run_id = w.expect(0, "start", shell).id
    worker = w.worker("--processes", "2")
    wait_for(lambda: w.sql("select count(*) from stepwell.worker") == "2", PATIENCE, "two workers")
    shown = w.expect(0, "status", "-o", "json", err="").json
    shape(shown, ["counts", "due", "oldestDueAt", "missing", "workers"])
    check(list(shown["counts"]) == ["pending", "running", "waiting", "suspended", "completed",
                                    "faulted", "cancelled"], "%s", shown)
    check(shown["counts"]["pending"] == 1 and shown["due"] == 1, "%s", shown)
    check(len({x["pid"] for x in shown["workers"]}) == 2, "%s", shown["workers"])
    check(worker.pid not in {x["pid"] for x in shown["workers"]}, "the parent works too")
    text = w.expect(0, "status", err="").out
    check("pending           1" in text and "the oldest since" in text, "%s", text)
    # Both have looked for work more than once, and left the shell alone.
    w.expect(0, "run", w.file("a", [{"a": {"set": {"x": 1}}}]), "--remote")
    w.expect(0, "status", run_id, out="for a worker with --allow-run", err="")
    check(w.expect(0, "status", run_id, "-o", "json").json["needs"] == "shell", "needs")
    w.sql("update stepwell.lease set due = due - interval '1 minute'")
    w.expect(0, "status", out="1 due run needs a worker with --allow-run", err="")
    result = w.end(worker, signal.SIGTERM)
    check(result.code == 0, "SIGTERM: %s", result)
    check(w.sql("select count(*) from stepwell.worker") == "0", "workers stayed in the pool")
    w.work()
    check(w.status(run_id) == "pending", "claimed without --allow-run")
    w.work("--allow-run")
    check(w.expect(0, "status", run_id, "-o", "json").json["output"] == "hi\n", "the shell's output")


def worker(w):
    """worker refuses settings that cannot work, drains at SIGTERM and loses nothing"""
    w.fails(2, "two heartbeats", "worker", "--lease", "3s", "--heartbeat", "2s")
    w.fails(2, "--processes", "worker", "--processes", "0")
    w.fails(2, "at least 1", "worker", "--concurrency", "0")
    w.fails(2, "at least 10ms", "worker", "--poll", "0s")
    w.expect(0, "worker", "--until-idle", out="")
    recorder = w.recorder()
    path = w.file("d", [{"a": post(recorder.url + "/delay/700/a")},
                        {"b": post(recorder.url + "/dedupe/b")}])
    run_id = w.expect(0, "start", path).id
    process = w.worker()
    recorder.wait("/delay/700/a", 1)
    w.end(process, signal.SIGTERM)
    check(process.returncode == 0, "exit %d", process.returncode)
    check(w.sql("select count(*) from stepwell.lease where owner is not null") == "0", "a lease is kept")
    check(w.sql("select count(*) from stepwell.worker") == "0", "it is still in the pool")
    w.work()
    check(w.status(run_id) == "completed", "the run is %s", w.status(run_id))
    check(len(recorder.records("/delay/700/a")) == 1, "an effect that had ended was sent again")
    text = w.expect(0, "history", run_id).out
    check("lost" not in text and "uncertain" not in text, "%s", text)


def retry(w):
    """retry goes on from what failed; --dry-run tells it; --new-id changes that step's id only"""
    recorder = w.recorder()
    path = w.file("r", [{"a": post(recorder.url + "/dedupe/a")},
                        {"b": post(recorder.url + "/replay500/b")},
                        {"c": post(recorder.url + "/dedupe/c")}])
    first = w.expect(10, "run", path, "-o", "json").json
    ids = [s["stepId"] for s in first["steps"]]
    plan = w.expect(0, "retry", "@last", "--dry-run", "-o", "json", err="").json
    check([(s["action"], s["path"]) for s in plan["steps"]] == [
        ("skip", "/do/0/a"), ("resend", "/do/1/b"), ("first", "/do/2/c")], "%s", plan)
    check(plan["steps"][1]["stepId"] == ids[1], "%s", plan)
    fresh = w.expect(0, "retry", "@last", "-n", "--new-id", "-o", "json").json["steps"]
    text = w.expect(0, "retry", first["id"], "--dry-run", err="").out
    check(re.search(r"skip +/do/0/a.*\n +resend +/do/1/b +%s\n +first +/do/2/c" % ids[1], text),
          "%s", text)
    check(w.status(first["id"]) == "faulted", "--dry-run did something")
    w.expect(0, "retry", first["id"][-12:], out="retried", err="")
    w.fails(5, "only a faulted", "retry", first["id"])
    w.work()
    second = w.expect(0, "status", "@last", "-o", "json").json
    check(second["status"] == "faulted" and second["steps"][1]["stepId"] == ids[1]
          and second["steps"][1]["attempts"] == 2, "%s", second)
    w.expect(0, "retry", "@last", "--new-id", err="")
    w.work()
    third = w.expect(0, "status", "@last", "-o", "json").json
    check(third["status"] == "completed", "%s", third)
    check(third["steps"][0] == first["steps"][0], "the completed step changed")
    check(third["steps"][1]["stepId"] == fresh[1]["stepId"] != ids[1], "not what --dry-run told")
    check(third["steps"][2]["stepId"] == plan["steps"][2]["stepId"], "not what --dry-run told")
    for step, part in zip(third["steps"], ("/dedupe/a", "/replay500/b", "/dedupe/c")):
        check(recorder.records(part)[-1]["key"] == step["stepId"], "%s: another key", part)
    check([len(recorder.records(p)) for p in ("/dedupe/a", "/replay500/b", "/dedupe/c")] == [1, 3, 1],
          "requests: %s", recorder.counts())
    w.fails(5, "it is completed", "retry", "@last")
    w.fails(5, "it is completed", "retry", "@last", "--dry-run")
    w.fails(3, "no run", "retry", "ffffffffffff")


def listing(w):
    """list filters and goes on from a cursor"""
    path = w.file("a", [{"a": {"if": "${ .fail == true }", "raise": {"error": {
        "type": "https://x/e", "status": 400}}}}])
    other = w.file("b", [{"a": {"set": {"x": 1}}}])
    w.expect(0, "apply", path, other)
    w.sql("select stepwell.start('cli/a', json_build_object('fail', n % 2 = 0), 'k' || n) from "
          "generate_series(1, 5) n")
    w.sql("select stepwell.start('cli/b')")
    w.work()
    rows = w.expect(0, "list", "-o", "json", err="").lines
    check(len(rows) == 6, "%s", rows)
    for row in rows:
        shape(row, LIST_MEMBERS)
        shape(row["workflow"], ["namespace", "name", "version"])
    check([r["id"] for r in rows] == sorted((r["id"] for r in rows), reverse=True), "not newest first")
    seen, cursor = [], []
    while True:
        part = w.expect(0, "list", "-o", "jsonl", "--limit", "4", *cursor, err="").lines
        if not part:
            break
        seen += part
        cursor = ["--cursor", part[-1]["id"]]
    check(seen == rows, "pages differ from the whole")
    for words, count in ((["--status", "faulted"], 2), (["-s", "completed"], 4),
                         (["--workflow", "cli/a"], 5), (["--workflow", "cli/a:1.0.0"], 5),
                         (["--workflow", "cli/a:2.0.0"], 0), (["--workflow", "cli"], 6),
                         (["--workflow", "cli/b", "--status", "faulted"], 0),
                         (["--since", "1h"], 6), (["--since", "2100-01-01T00:00:00Z"], 0)):
        got = w.expect(0, "list", "-o", "json", *words, err="").lines
        check(len(got) == count, "%s: %d, not %d", words, len(got), count)
    page = w.expect(0, "list", "--status", "completed", "-n", "3", err="--cursor ")
    check(len(page.out.splitlines()) == 3, "%s", page)
    check(re.search(UUID, page.err).group() == page.out.splitlines()[-1].split()[0], "%s", page)
    w.fails(2, "--status takes one of", "list", "--status", "done")
    w.fails(2, "--since takes", "list", "--since", "yesterday")
    w.fails(3, "no run", "list", "--cursor", "ffffffffffff")
    w.fails(2, "takes no argument", "list", "faulted")


def history(w):
    """history prints the journal, with -o json one object a line"""
    recorder = w.recorder()
    path = w.file("h", [{"a": post(recorder.url + "/dedupe/a")},
                        {"b": post(recorder.url + "/status/418/b")}])
    run_id = w.expect(10, "run", path, "-o", "json").json["id"]
    steps = w.expect(0, "status", run_id, "-o", "json").json["steps"]
    lines = w.expect(0, "history", run_id[-8:], "-o", "json", err="").lines
    for line in lines:
        shape(line, ENTRY_MEMBERS, ("dueAt", "error"))
        check(re.fullmatch(TIME, line["at"]), "%s", line)
    check([e["seq"] for e in lines] == sorted(e["seq"] for e in lines), "out of order")
    check((lines[0]["kind"], lines[1]["kind"]) == ("created", "claimed"), "%s", lines[:2])
    check(re.fullmatch(UUID, lines[1]["worker"]), "%s", lines[1])
    intent = next(e for e in lines if e["path"] == "/do/0/a" and e["kind"] == "started")
    check(intent["stepId"] == steps[0]["stepId"] and intent["attempt"] == 1 and intent["digest"],
          "%s", intent)
    done = next(e for e in lines if e["path"] == "/do/0/a" and e["kind"] == "completed")
    check(done["outcome"] == "ok" and done["seq"] > intent["seq"], "%s", done)
    fault = next(e for e in lines if e["path"] == "/do/1/b" and e["kind"] == "faulted")
    check(fault["outcome"] == "error" and fault["error"]["status"] == 418, "%s", fault)
    text = w.expect(0, "history", run_id, err="").out
    check(len(text.splitlines()) == len(lines) and "/do/1/b" in text, "%s", text)


def orders(w):
    """cancel, suspend and resume of pending and waiting runs"""
    waits = w.file("w", [{"w": {"wait": "PT1H"}}, {"a": {"set": {"x": 1}}}])
    pending = w.expect(0, "start", waits, "--delay", "1h").id
    waiting = w.expect(0, "start", waits).id
    w.worker()
    w.wait_status(waiting, "waiting")
    shown = w.expect(0, "status", waiting, out="due ", err="")
    check(re.search(r"in 59m", shown.out), "%s", shown)
    w.expect(0, "suspend", waiting, out="suspend requested", err="")
    w.wait_status(waiting, "suspended")
    w.expect(0, "suspend", waiting, out="suspended", err="")
    text = w.expect(0, "status", waiting, err="").out
    command = re.search(r"next +wfctl (resume \w+)", text)
    check(command, "no next command: %s", text)
    w.fails(5, "it is pending", "resume", pending)
    w.expect(0, *command.group(1).split(), out="resumed", err="")
    w.wait_status(waiting, "waiting")
    line = w.expect(0, "cancel", waiting, pending, "-o", "json", err="").lines
    for entry in line:
        shape(entry, ["id", "result"])
    w.wait_status(waiting, "cancelled")
    w.wait_status(pending, "cancelled")
    for verb in ("suspend", "resume", "retry"):
        w.fails(5, "cancelled", verb, waiting)
    result = w.run("cancel", waiting, "ffffffffffff")
    check(result.code == 3 and waiting in result.out and "ffffffffffff" in result.err, "%s", result)


def escapes(w):
    """nothing of a run reaches a terminal unescaped; colours only on one, and not with NO_COLOR"""
    evil = "a\x1b[2J\x1b]0;owned\x07\u009b31m\u202eb\u2066c\nforged\r"
    tasks = [{"evil\x1b[31m\u202e": {"set": {"x": evil}}},
             {"boom": {"raise": {"error": {"type": "https://x/e", "status": 400, "title": evil,
                                           "detail": evil}}}}]
    path = w.file("e", tasks)
    result = w.expect(10, "run", path, "--key", evil)
    good = w.file("g", [{"a": {"set": {"x": evil}}}])
    w.expect(0, "run", good, "--key", evil)
    bad = set("\x1b\x07\x00\r\u009b\u202e\u2066")
    outputs = [result.err]
    for words in (["status", "@last"], ["list"], ["history", "@last"], ["status"]):
        outputs.append(w.expect(0, *words).out)
    faulted = w.expect(0, "list", "--status", "faulted", "-o", "json").json
    check(faulted["key"] == evil, "JSON changed the key")
    outputs += [w.expect(0, words[0], faulted["id"], *words[1:]).out for words in
                (["status"], ["history"], ["retry", "--dry-run"])]
    conflict = w.run("start", good, "--key", evil, "--input", "1")
    outputs += [conflict.err, w.run("status", evil).err, w.run("run", evil).err, w.run(evil).err,
                w.run("apply", evil + ".json").err, w.run("run", good, "--input", "@" + evil).err]
    for text in outputs:
        check(not bad & set(text), "unescaped: %r", text)
        check("\nforged" not in text, "a forged line: %r", text)
    code, plain = on_terminal(w, "status", faulted["id"], env={"NO_COLOR": "1", "TERM": "xterm"})
    check(code == 0 and not bad & set(plain.replace("\r\n", "\n")), "unescaped: %r", plain)
    code, coloured = on_terminal(w, "status", faulted["id"], env={"TERM": "xterm"})
    check("\x1b[31m" in coloured, "no colour on a terminal")
    rest = re.sub("\x1b\\[\\d*m", "", coloured).replace("\r\n", "\n")
    check(not bad & set(rest), "unescaped: %r", rest)
    code, payload = on_terminal(w, "status", "@last", "-o", "json", env={"TERM": "xterm"})
    check(not bad & set(payload.replace("\r\n", "\n")), "unescaped: %r", payload)
    check(json.loads(payload)["output"] == {"x": evil}, "the terminal's JSON means something else")


def sql_start(w):
    """stepwell.start works inside a transaction and from a trigger, and refuses as documented"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"got": "${ .n }"}}}]))
    w.sql("begin; select stepwell.start('cli/s', '{\"n\": 1}'); rollback;")
    check(w.sql("select (select count(*) from stepwell.runs) + (select count(*) from stepwell.lease)")
          == "0", "a rolled back start left something")
    first = w.sql("select stepwell.start('cli/s', '{\"n\":1}', 'K')")
    check(w.sql("select stepwell.start('cli/s:1.0.0', '{ \"n\": 1.0 }', 'K')") == first, "two runs")
    w.sql("select stepwell.start('cli/s', '{\"n\":2}', 'K')", error="23505")
    w.sql("select stepwell.start('cli/unknown')", error="P0002")
    w.sql("select stepwell.start('cli/s:7.0.0')", error="P0002")
    w.sql("select stepwell.start('nonsense')", error="22023")
    w.sql("select stepwell.start('cli/s', key => '')", error="22023")
    w.sql("create table orders (id int, amount numeric); "
          "create function on_order() returns trigger language plpgsql as $$ begin perform "
          "stepwell.start('cli/s', json_build_object('n', new.amount), 'order-' || new.id); "
          "return new; end $$; create trigger t after insert on orders for each row "
          "execute function on_order(); insert into orders values (1, 0.10), (2, 2)")
    w.work()
    got = w.sql("select key, status, output ->> 'got' from stepwell.runs order by key")
    check(got.splitlines() == ["K|completed|1", "order-1|completed|0.10", "order-2|completed|2"],
          "%s", got)


def sql_start_batch(w):
    """stepwell.start_batch gives the ids in the order of the inputs, and a key its first run"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"got": "${ .n }"}}}]))
    one = w.sql("select stepwell.start('cli/s', '{\"n\": 2}', 'k2')")

    def batch(inputs, keys="null", error=None):
        return w.sql("select stepwell.start_batch('cli/s', array[%s]::json[], %s)"
                     % (", ".join("'%s'" % i if i else "null" for i in inputs), keys), error=error)

    inputs = ['{"n": 1}', '{"n": 2.0}', '{"n": 3}', '{"n": 1}', None]
    ids = batch(inputs, "array['k1', 'k2', null, 'k1', null]").splitlines()
    check(len(ids) == 5 and ids[1] == one and ids[0] == ids[3] and len(set(ids)) == 4, "%s", ids)
    check(batch(inputs, "array['k1', 'k2', 'k3', 'k1', 'k5']").splitlines()[0] == ids[0], "another run")
    batch(['{"n": 1}', '{"n": 5}'], "array['new', 'k2']", error="23505")
    batch(['{"n": 1}', '{"n": 5}'], "array['new', 'new']", error="23505")
    batch(['{"n": 1}'], "array['a', 'b']", error="22023")
    batch(['{"n": 1}'], "array['']", error="22023")
    w.sql("select stepwell.start_batch('cli/none', array['1']::json[])", error="P0002")
    check(w.sql("select count(*) from stepwell.start_batch('cli/s', '{}')") == "0", "runs of nothing")
    w.work()
    got = w.sql("select coalesce(key, '-'), status, input ->> 'n' from stepwell.runs order by 1, 3")
    check(got.splitlines() == ["-|completed|3", "-|completed|", "k1|completed|1", "k2|completed|2",
                               "k3|completed|3", "k5|completed|"], "%s", got)


def sql_start_reads(w):
    """a start reads the same however many there were, in the session that began with none"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    count = 400
    read = w.sql(
        "begin; do $$ begin for i in 1..%d loop perform stepwell.start('cli/s', '{}', 'one' || i); "
        "perform stepwell.create_runs(stepwell.find_definition_id('cli/s'), array['{}'], array['two' || i], "
        "array[stepwell.new_id()], null, null, null); end loop; end $$; "
        "select sum(idx_tup_fetch + seq_tup_read) from pg_stat_xact_user_tables "
        "where schemaname = 'stepwell' and relname ~ '^(start_key|run|lease)'; commit" % count)
    check(int(read) <= 2 * count, "%s rows were read by %d starts", read, 2 * count)


def sql_start_key_expired(w):
    """a key of which the time is over is another run's; the others beside it stay taken"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))

    def start(*inputs_keys, ttl, error=None):
        return w.sql("select unnest(ids_out) from stepwell.create_runs(stepwell.find_definition_id('cli/s'), "
                     "array[%s], array[%s], array_fill(null::uuid, array[%d]), null, null, %s)" % (
                         ", ".join("'%d'" % i for i, _ in inputs_keys),
                         ", ".join("'%s'" % k for _, k in inputs_keys), len(inputs_keys), ttl), error=error).split()

    [first], [kept] = start((1, "over"), ttl="interval '0'"), start((1, "kept"), ttl="interval '1 day'")
    again = start((2, "over"), (1, "kept"), (3, "new"), ttl="null")
    check(first not in again and again[1] == kept and len(set(again)) == 3, "%s after %s, %s", again, first, kept)
    start((1, "over"), ttl="null", error="23505")


def gc(w):
    """old weeks are dropped with their keys; what has not ended, and its children, is kept and goes on"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    go = {"n": {"listen": {"to": {"one": {"with": {"type": "go"}}}}}}
    w.expect(0, "apply", w.file("nap", [go, {"b": {"set": {"x": 2}}}]))
    w.expect(0, "apply", w.file("up", [
        {"kid": {"run": {"workflow": {"namespace": "cli", "name": "s", "version": "1.0.0"}}}}, go]))
    w.expect(0, "apply", w.file("bad", [{"r": {"raise": {"error": {
        "type": "https://example.com/bad", "status": 500}}}}]))

    def old(days, name, key):
        """Started `days` ago; the partitions of that week as they were made then."""
        w.sql("do $$ declare week timestamptz := date_trunc('week', now() - interval '%d days', 'UTC'); "
              "suffix text := to_char(week at time zone 'UTC', 'IYYY\"w\"IW'); parent text; begin "
              "foreach parent in array array['run', 'entry'] loop continue when to_regclass("
              "format('stepwell.%%I', parent || '_' || suffix)) is not null; execute format('create table "
              "stepwell.%%I partition of stepwell.%%I for values from (%%L) to (%%L)', parent || '_' || "
              "suffix, parent, stepwell.first_id(week), stepwell.first_id(week + interval '7 days')); "
              "end loop; end $$" % days)
        return w.sql("select ids_out[1] from stepwell.create_runs(stepwell.find_definition_id('cli/%s'), "
                     "array['{}'], array['%s'], array[overlay(stepwell.new_id()::text placing left("
                     "stepwell.first_id(now() - interval '%d days')::text, 13) from 1 for 13)::uuid], "
                     "null, null, null)" % (name, key, days))

    done, nap, up, bad = (old(60, name, name) for name in ("s", "nap", "up", "bad"))
    recent = old(20, "s", "recent")
    child = w.sql("select count(*) from stepwell.runs")
    w.expect(0, "worker", "--until-idle")
    check(w.sql("select count(*) from stepwell.runs") == str(int(child) + 1), "the child was not started")
    plan = w.expect(0, "gc", "--older-than", "30d", "--dry-run", "-o", "json").json
    check(plan == {"dryRun": True, "weeks": 1, "runs": 2, "kept": 3}, "%s", plan)
    w.expect(0, "gc", "--older-than", "30d",
             out="dropped 1 week with 2 runs; 3 of them are needed and kept\n")
    check(set(w.sql("select id from stepwell.runs where name <> 's' union all select id from "
                    "stepwell.runs where key = 'recent'").split()) == {nap, up, recent}, "the wrong runs")
    check(w.sql("select count(*) from stepwell.runs") == "4", "the child of a kept run is not there")
    check(w.sql("select string_agg(key, ',' order by key) from stepwell.start_key") == "nap,recent,up",
          "the keys do not fit")
    for gone in (done, bad):
        w.expect(3, "status", gone)
    check(w.expect(0, "start", "cli/s", "--key", "s", "--input", "{}").id != done, "a dropped key")
    w.expect(0, "gc", "--older-than", "30d", out="nothing is old enough\n")
    w.sql("select stepwell.emit('{\"id\": \"1\", \"source\": \"/x\", \"type\": \"go\"}')")
    w.work()
    got = w.sql("select name, status from stepwell.runs where id in ('%s', '%s') order by 1" % (nap, up))
    check(got.splitlines() == ["nap|completed", "up|completed"], "%s", got)
    w.expect(0, "gc", "--older-than", "10d")
    check(w.sql("select count(*) from stepwell.runs where id in ('%s', '%s', '%s')" % (nap, up, recent))
          == "0", "kept runs that have ended stay")
    w.expect(2, "gc", err="--older-than 30d")
    w.expect(2, "gc", "--older-than", "soon")


def gc_waits_for_nobody(w):
    """a transaction that holds the tables is not waited for without end, and nothing is half done"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    w.sql("create table stepwell.run_2020w01 partition of stepwell.run for values from "
          "('016f5e66-e800-0000-0000-000000000000') to ('016f8273-4400-0000-0000-000000000000')")
    w.sql("create table stepwell.entry_2020w01 partition of stepwell.entry for values from "
          "('016f5e66-e800-0000-0000-000000000000') to ('016f8273-4400-0000-0000-000000000000')")
    holder = subprocess.Popen([w.server.bin + "/psql", "-qXAt", "-d", w.conninfo], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdin.write("begin; lock table stepwell.run in access share mode;\n\\echo held\n")
        holder.stdin.flush()
        check(holder.stdout.readline() == "held\n", "void")
        w.expect(7, "gc", "--older-than", "1d", err="in use")
        check(w.sql("select to_regclass('stepwell.run_2020w01') is not null") == "t", "half done")
    finally:
        holder.kill()
        holder.wait()
    w.expect(0, "gc", "--older-than", "1d")
    check(w.sql("select to_regclass('stepwell.run_2020w01') is null") == "t", "not dropped")


def sql_roles(w):
    """a role with the grants of docs/operations.md can start and look, and nothing else"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    role = w.server.mark + "app"
    w.sql("create role %s; grant usage on schema stepwell to %s; "
          "grant execute on function stepwell.start, stepwell.start_batch, stepwell.emit to %s; "
          "grant select on stepwell.runs, stepwell.steps, stepwell.journal to %s"
          % (role, role, role, role))
    try:
        w.sql("set role %s; select stepwell.start('cli/s', null, 'K')" % role)
        w.work()
        got = w.sql("set role %s; select status from stepwell.runs; select name, status from "
                    "stepwell.steps; select kind from stepwell.journal limit 1" % role)
        check(got.splitlines() == ["completed", "a|completed", "created"], "%s", got)
        event = json.dumps({"id": "1", "source": "/s", "type": "t"})
        got = w.sql("set role %s; select stepwell.emit('%s')" % (role, event))
        check(got == "t", "%s", got)
        w.sql("set role %s; delete from stepwell.run" % role, error="42501")
        w.sql("set role %s; select from stepwell.lease" % role, error="42501")
    finally:
        w.sql("drop owned by %s; drop role %s" % (role, role))


def sql_views(w):
    """the views have the columns and types of the design"""
    def columns(view):
        return w.sql("select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' "
                     "order by attnum) from pg_attribute where attrelid = 'stepwell.%s'::regclass "
                     "and attnum > 0" % view)
    stamp = "timestamp with time zone"
    check(columns("runs") == "id uuid, namespace text, name text, version text, status text, key text, "
          "input json, output json, error json, created_at {0}, started_at {0}, ended_at {0}, "
          "parent_run_id uuid".format(stamp), "%s", columns("runs"))
    check(columns("steps") == "run_id uuid, path text, reference text, name text, step_id uuid, "
          "status text, attempts integer, started_at {0}, ended_at {0}, output json, "
          "error json".format(stamp), "%s", columns("steps"))
    check(columns("journal") == "run_id uuid, seq bigint, at {0}, kind text, path text, "
          "attempt integer, data json".format(stamp), "%s", columns("journal"))
    result = w.expect(0, "run", w.file("v", [{"a": {"set": {"x": 1}}}]), "-o", "json").json
    row = json.loads(w.sql("select row_to_json(s) from stepwell.steps s"))
    check((row["step_id"], row["path"], row["output"]) == (
        result["steps"][0]["stepId"], "/do/0/a", {"x": 1}), "%s", row)
    kinds = set(w.sql("select distinct kind from stepwell.journal").split())
    check(kinds <= set("created claimed started completed faulted uncertain lost waiting suspended "
                       "resumed retried cancelled frames".split()), "%s", kinds)


def emit(w):
    """emit and stepwell.emit store events once, all of a file or none, and refuse what is none"""
    event = {"id": "1", "source": "/s", "type": "t", "data": {"n": 1}}
    one = w.text("one.json", json.dumps(event))
    check(w.expect(0, "emit", one, "-o", "json", err="").json == {"stored": 1, "duplicates": 0}, "one")
    check(w.expect(0, "emit", one, "-o", "json", err="").json == {"stored": 0, "duplicates": 1}, "two")
    lines = w.text("l.jsonl", "".join(json.dumps(dict(event, id=str(i))) + "\n" for i in (1, 2, 3)))
    check(w.expect(0, "emit", lines, err="").out == "2 stored, 1 duplicate\n", "lines")
    yaml = w.text("a.yaml", "- {id: y1, source: /s, type: t}\n- {id: y2, source: /s, type: t}\n")
    check(w.expect(0, "emit", yaml, err="").out == "2 stored, 0 duplicates\n", "YAML")
    bad = w.text("bad.json", json.dumps([dict(event, id="b1"), {"id": "b2", "source": "/s"}]))
    w.expect(6, "emit", bad, out="", err="event 2")
    w.expect(6, "emit", w.text("no.json", "{"), out="")
    w.expect(3, "emit", "there-is-no-such-file.json", out="")
    check(w.sql("select count(*) from stepwell.event") == "5", "a refused file left something")
    for wrong in ('null', '[]', '{"id":"1","source":"/s"}', '{"id":"","source":"/s","type":"t"}',
                  '{"id":"1","source":"/s","type":"t","specversion":"0.3"}',
                  '{"id":"1","source":"/s","type":"t","Upper":1}',
                  '{"id":"1","id":"2","source":"/s","type":"t"}'):
        w.sql("select stepwell.emit('%s')" % wrong, error="22023")
    w.sql("begin; select stepwell.emit('{\"id\":\"r\",\"source\":\"/s\",\"type\":\"t\"}'); rollback;")
    path = w.file("l", [{"l": {"listen": {"to": {"one": {"with": {"type": "t", "id": "3"}}}}}}])
    check(w.expect(0, "run", path, "-o", "json").json["output"] == [{"n": 1}], "it is kept")


PRIVATE = {"DATABASE_URL": None}


def servers_of(folder):
    """Processes of a server whose cluster is the folder's."""
    place = os.path.realpath(folder + "/.wfctl")
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.readlink("/proc/%s/cwd" % entry).startswith(place + "/"):
                found.append(int(entry))
    return found


@contextlib.contextmanager
def private_folder(w):
    folder = w.dir + "/private"
    os.mkdir(folder)
    try:
        yield folder
    finally:
        subprocess.run([WFCTL, "dev", "--stop"], cwd=folder, env=w.environ(PRIVATE), timeout=PATIENCE,
                       stdin=subprocess.DEVNULL, capture_output=True)
        place = os.path.realpath(folder + "/.wfctl")
        if place.startswith("/var/lib/stepwell/") or place.startswith(folder):
            shutil.rmtree(place, ignore_errors=True)


def gone(folder):
    wait_for(lambda: not servers_of(folder), PATIENCE, "the private server is gone")


def private(w):
    """without a database a private one is made, shared by those who use it, and never left behind"""
    hello = w.file("p", [{"a": {"set": {"got": "${ .n }"}}}])
    with private_folder(w) as folder:
        there = {"env": PRIVATE, "cwd": folder}
        w.expect(0, "run", hello, "--input", '{"n":1}', out='{"got":1}\n', err="", **there)
        gone(folder)
        w.expect(0, "status", "@last", "-o", "json", err="", out='"completed"', **there)
        w.expect(0, "start", hello, err="", **there)
        gone(folder)
        dev = w.spawn("dev", "--poll", "50ms", **there)
        # Whoever waits for a run of the pool waits for dev's worker.
        w.expect(0, "status", "-w", "@last", out="completed", err="", **there)
        check(servers_of(folder), "no server while dev runs")
        # Changed content of the same version is a version of its own here.
        changed = w.file("p", [{"a": {"set": {"other": "${ .n }"}}}], "changed")
        w.expect(0, "run", changed, "--input", '{"n":2}', out='{"other":2}\n', err="", **there)
        w.expect(0, "workflows", out="cli/p:1.0.0+dev.", err="", **there)
        result = w.end(dev, signal.SIGINT)
        check(result.code == 0 and not result.out, "%s", result)
        gone(folder)
        w.expect(0, "dev", "--stop", err="no private Postgres was running", out="", **there)
        killed = w.spawn("dev", **there)
        wait_for(lambda: servers_of(folder), PATIENCE, "dev runs")
        w.end(killed, signal.SIGKILL)
        gone(folder)
        left = w.spawn("dev", **there)
        check("Ctrl-C ends both" in left.stderr.readline(), "dev says nothing")
        left.send_signal(signal.SIGSTOP)
        w.expect(0, "dev", "--stop", err="is stopped", out="", **there)
        check(not servers_of(folder), "--stop left a server running")
        left.send_signal(signal.SIGCONT)
        w.end(left, signal.SIGTERM)
        gone(folder)


def examples(w):
    """every example of the README and of examples/ is valid, and hello runs"""
    files = sorted(str(p) for p in (ROOT / "examples").glob("*.json"))
    w.expect(0, "validate", "--runnable", *files, err="")
    readme = (ROOT / "README.md").read_text()
    check(len(readme.splitlines()) <= 100, "the README has more than 100 lines")
    workflow = re.search(r"```json\n(.*?)```", readme, re.S).group(1)
    w.expect(0, "validate", "--runnable", w.text("readme.json", workflow), err="")
    w.expect(0, "run", str(ROOT / "examples" / "hello.json"), err="")


CASES = [private, run_interrupt, pool, migrate, unreachable, usage, validate, validate_beyond_schema, validate_large, validate_text, apply, run,
         run_key, run_json, run_faulted, run_waits, run_timeout, run_remote, run_cancelled, start,
         status, status_folds, status_tree, status_watch, worker, retry, listing, history, orders, escapes, sql_start, sql_start_batch, sql_start_reads, sql_start_key_expired,
         gc, gc_waits_for_nobody, sql_roles,
         sql_views, emit, migrate_print, examples]


def main():
    names = sys.argv[1:]
    server = Server(os.environ["DATABASE_URL"])
    failed = 0
    cases = [c for c in CASES if not names or any(n in c.__name__ for n in names)]
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            futures = [threads.submit(tap.outcome, lambda name: World(server, name), case) for case in cases]
            for n, (case, future) in enumerate(zip(cases, futures), 1):
                failed += tap.say(n, case, *future.result())
        print("1..%d" % len(cases))
    finally:
        server.destroy()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
