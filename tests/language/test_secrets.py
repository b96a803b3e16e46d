#!/usr/bin/env python3
"""Secrets: what is given to requests stands nowhere else, and a value that changes is no change of
a request.

    test_secrets.py [NAME...]    only the cases with NAME in their name

Finds the program in WFCTL and an empty database in DATABASE_URL. Prints TAP lines."""
import base64
import contextlib
import glob
import http.server
import json
import os
import pathlib
import random
import string
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
PREFIX = "TEST_SECRET_"
sys.path.insert(0, str(HERE.parent / "faults"))
from recorder import Recorder  # noqa: E402


class Echo:
    """An endpoint that refuses everything with 400 and repeats the whole request."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                answer = ("no: %s %s" % (self.requestline, body)
                          + "".join(" %s=%s" % h for h in self.headers.items())).encode()
                self.send_response(400)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # the client was killed
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class World:
    def __init__(self, name, folder, recorder):
        self.name, self.folder, self.recorder = name, pathlib.Path(folder), recorder
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir()
        self.variables, self.workers = {}, []

    def secret(self, name, value):
        """A file, which appears whole."""
        new = self.folder / "new"
        new.write_text(value if isinstance(value, str) else json.dumps(value))
        new.rename(self.secrets / name)

    def wfctl(self, *words, expect=0):
        done = subprocess.run([WFCTL, *map(str, words)], capture_output=True, text=True,
                              cwd=self.folder, timeout=300, stdin=subprocess.DEVNULL)
        assert expect is None or done.returncode == expect, "wfctl %s: exit %s, not %s\n%s%s" % (
            words, done.returncode, expect, done.stdout, done.stderr)
        return done

    def definition(self, tasks, use=None, name=None, **more):
        path = self.folder / ((name or self.name) + ".json")
        path.write_text(json.dumps(dict({
            "document": {"dsl": "1.0.3", "namespace": "secrets", "name": name or self.name,
                         "version": "1.0.0"}, "use": use or {}, "do": tasks}, **more)))
        return path

    def run(self, path, expect=0):
        """`wfctl run` with the folder of secrets: the run as an object."""
        done = self.wfctl("run", path, "--secrets", self.secrets, "--allow-sql", "-o", "json", expect=expect)
        return json.loads(done.stdout)

    def start(self, path):
        return json.loads(self.wfctl("start", path, "-o", "json").stdout)["id"]

    def status(self, run):
        return json.loads(self.wfctl("status", run, "-o", "json").stdout)

    def worker(self, *flags):
        log = open(self.folder / ("worker%d.log" % len(self.workers)), "w+")
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", WFCTL, "worker", "--secrets", str(self.secrets),
             "--allow-run", "--allow-sql", "--heartbeat", "500ms", "--lease", "2s", "--poll", "100ms", *flags],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
            env=dict(os.environ, **self.variables))
        self.workers.append((process, log))
        return process

    def drain(self, *flags):
        """A worker that does all there is to do."""
        process = self.worker("--until-idle", *flags)
        assert process.wait(120) == 0, self.logs()

    def logs(self):
        return "".join(pathlib.Path(log.name).read_text("utf-8", "replace")
                       for _, log in self.workers)

    def close(self):
        for process, log in self.workers:
            if process.poll() is None:
                process.kill()
                process.wait(30)
            log.close()


def wait_for(question, what, timeout=120):
    end = time.monotonic() + timeout
    while not question():
        assert time.monotonic() < end, "%s: not within %d s" % (what, timeout)
        time.sleep(0.02)


# ---- Canaries ----

class Canaries:
    """Secret texts, and how to find them, whole, in part, or encoded."""

    def __init__(self, name):
        self.random, self.texts = random.Random("%d %s" % (SEED, name)), []

    def new(self):
        letters = string.ascii_letters + string.digits
        self.texts.append("".join(self.random.choice(letters) for _ in range(28)))
        return self.texts[-1]

    def needles(self, text):
        windows = {text[i:i + 10] for i in range(len(text) - 9)}
        raw = text.encode()
        for shift in range(3):
            coded = base64.b64encode(b"x" * shift + raw).decode().rstrip("=")[4:-4]
            windows |= {coded[i:i + 12] for i in range(len(coded) - 11)}
        hexed = raw.hex()
        windows |= {hexed[i:i + 20] for i in range(0, len(hexed) - 19, 2)}
        return {w.lower() for w in windows}

    def find(self, text):
        """Those that stand in the text, in any case; bytes as Latin-1."""
        text = (text.decode("latin-1") if isinstance(text, bytes) else text).lower()
        found = []
        for canary in self.texts:
            found += [canary + " as " + n for n in self.needles(canary) if n in text][:1]
        return found


def call(method, endpoint, **more):
    return {"call": "http", "with": dict({"method": method, "endpoint": endpoint}, **more)}


def shell(command, **more):
    return {"run": {"shell": dict({"command": command}, **more)}}


API = {"openapi": "3.0.3", "servers": [{"url": "/"}], "paths": {"/json/{id}": {"get": {
    "operationId": "get", "parameters": [
        {"name": "id", "in": "path", "required": True}, {"name": "q", "in": "query"},
        {"name": "X-Q", "in": "header"}, {"name": "c", "in": "cookie"}]}}}}


def successes(url):
    """Tasks that use the secrets $secrets.s (a text) and $secrets.o (an object)."""
    get = url + "/json/x"
    auth = {"uri": get, "authentication": None}
    return {
        "query": call("get", get, query={"k": "${ $secrets.s }"}),
        "headers": call("get", get, headers={"X-Api-Key": "${ $secrets.s }",
                                             "X-Other": "Bearer ${ $secrets.o.password }"}),
        "body": call("post", get, body={"k": "${ $secrets.s }", "o": "${ $secrets.o }"}),
        "filters": call("post", get, body={
            "b": "${ $secrets.s | @base64 }", "u": "${ $secrets.s | @uri }",
            "s": "${ $secrets.s[0:14] }", "h": "${ $secrets.s | ascii_upcase }",
            "j": "${ $secrets.o | tojson | @base64 }"}),
        "form": call("post", get, body={"k": "${ $secrets.s }"},
                     headers={"Content-Type": "application/x-www-form-urlencoded"}),
        "endpoint": call("get", "${ $secrets.url }"),
        "template": dict(call("get", url + "/json/{k}"),
                         input={"from": "{k: $secrets.s, n: .n}"}),
        "response": call("get", get, query={"k": "${ $secrets.s }"}, output="response",
                         headers={"X-Key": "${ $secrets.s }"}),
        "response_of_input": dict(call("get", url + "/json/{k}", output="response",
                                       headers={"X-K": "${ .k }"}),
                                  input={"from": {"k": "${ $secrets.s }"}}),
        "basic": dict(call("get", {"uri": get, "authentication": {"basic": {"use": "o"}}}),
                      export={"as": "$authorization"}),
        "digest": call("get", {"uri": get, "authentication": {"digest": {"use": "o"}}}),
        "bearer": dict(call("get", {"uri": get, "authentication": {"bearer": {"use": "s"}}},
                            output="response"), output={"as": "{a: $authorization, r: .}"}),
        "inline": dict(call("get", dict(auth, authentication={"bearer": {
            "token": "${ $secrets.o.token }"}})), export={"as": "$authorization"}),
        "redirect": call("get", {"uri": url + "/redirect/other/302?to=/headers", "authentication": {
            "bearer": {"use": "s"}}}, headers={"X-Key": "${ $secrets.o.password }"}, redirect=True),
        "openapi": {"call": "openapi", "with": {
            "document": {"endpoint": url + "/json/api?" + urllib.parse.urlencode(
                {"body": json.dumps(API)})},
            "operationId": "get", "output": "response", "parameters": {
                "id": "${ $secrets.s }", "q": "${ $secrets.s }", "X-Q": "${ $secrets.s }",
                "c": "${ $secrets.o.token }"}}},
        "sql": {"call": "sql", "with": {"statement": "select length($1), $2::json ->> 'no' as no",
                                        "parameters": ["${ $secrets.s }", "${ $secrets.o }"]}},
        "shell": shell("wc -c; test -n \"$K\"", stdin="${ $secrets.o }",
                       environment={"K": "${ $secrets.s }"}),
        "script": {"run": {"script": {
            "language": "python", "code": "import os\nprint(len(os.environ['K']))",
            "environment": {"K": "${ $secrets.s | @base64 }"}}}},
        "container": {"run": {"container": {
            "image": "any", "command": "printf %s \"$K\" | wc -c",
            "environment": {"K": "${ $secrets.s }"}, "stdin": "${ $secrets.s }"}}},
        "function": {"call": "f", "with": {"n": 1}},
    }


def failures(url, echo):
    """Tasks that fail, with their secrets under way or before."""
    e = "${ $secrets.s }"
    return {
        "404": call("get", url + "/status/404", query={"k": e}),
        "404_url": call("get", "${ $secrets.bad404 }"),
        "404_auth": call("get", {"uri": url + "/status/404", "authentication": {
            "basic": {"use": "o"}}}),
        "refused": dict(call("get", "http://127.0.0.1:1/{k}"), input={"from": "{k: $secrets.s}"}),
        "no_host": call("get", "${ \"http://\" + $secrets.s + \".invalid/\" + $secrets.s }"),
        "no_url": call("get", e),
        "late": dict(call("get", "${ $secrets.late }"), timeout={"after": "PT0.2S"}),
        "cut": call("post", url + "/truncate/x", query={"k": e}, body=e),
        "garbage": call("post", url + "/garbage/x", body=e),
        "not_json": call("get", "${ $secrets.notjson }"),
        "line_break": call("get", url + "/json", headers={"X-K": "${ $secrets.broken }"}),
        "bearer_break": call("get", {"uri": url + "/json", "authentication": {
            "bearer": {"use": "broken"}}}),
        "colon": call("get", {"uri": url + "/json", "authentication": {"basic": {
            "username": "${ $secrets.s + \":x\" }", "password": "x"}}}),
        "no_object": call("get", {"uri": url + "/json", "authentication": {"basic": {"use": "s"}}}),
        "echo_url": call("post", echo + "/x", query={"k": e}),
        "echo_header": call("post", echo + "/x", headers={"X-K": "is " + e}),
        "echo_body": call("post", echo + "/x", body={"k": "${ $secrets.s | @base64 }"}),
        "echo_input": dict(call("post", echo + "/{k}"), input={"from": "{k: $secrets.s}"}),
        "echo_basic": call("post", {"uri": echo, "authentication": {"basic": {"use": "o"}}}),
        "echo_bearer": call("post", {"uri": echo, "authentication": {"bearer": {"use": "s"}}}),
        "expression": call("post", url + "/json", body="${ $secrets.s | tonumber }"),
        "expression_error": call("post", url + "/json", body="${ $secrets.o | error }"),
        "expression_path": call("post", url + "/json", body="${ $secrets.s.x.y }"),
        "expression_text": call("post", url + "/json", body="a ${ $secrets.o + 1 } b"),
        "expression_auth": call("post", {"uri": url + "/json", "authentication": {"bearer": {
            "token": "${ $secrets.s | fromjson }"}}}),
        "input_error": dict(call("post", url + "/json", body="${ .k | fromjson }"),
                            input={"from": "{k: $secrets.s}"}),
        "input_path": dict(call("post", url + "/json", body="${ .k.x }"),
                           input={"from": {"k": e}}),
        "input_itself": dict(call("post", url + "/json"), input={"from": "$secrets.s | error"}),
        "endpoint_object": dict(call("post", url + "/{k}"), input={"from": "{k: $secrets.o}"}),
        "sql_cast": {"call": "sql", "with": {"statement": "select $1::int", "parameters": [e]}},
        "sql_unique": {"call": "sql", "with": {
            "statement": "with a as (select $1::text as t) select t::json from a",
            "parameters": ["{\"" + e]}},
        "sql_expression": {"call": "sql", "with": {
            "statement": "select $1", "parameters": ["${ $secrets.s | tonumber }"]}},
        "shell_exit": shell("echo \"$K\" >&2; exit 3", environment={"K": e}),
        "shell_signal": shell("cat >&2; kill -9 $$", stdin=e),
        "shell_name": shell("true", environment={"A B": e}),
        "shell_late": dict(shell("sleep 60", stdin=e), timeout={"after": "PT0.2S"}),
        "script_exit": {"run": {"script": {
            "language": "python", "code": "import os\nraise Exception(os.environ['K'])",
            "environment": {"K": e}}}},
        "container_exit": {"run": {"container": {
            "image": "any", "command": "echo $K >&2; exit 4", "environment": {"K": e}}}},
    }


def plant(w, canaries):
    """Values for $secrets.s, $secrets.o and the others, in files and in the environment."""
    url = w.recorder.url
    w.secret("s", canaries.new() + "\n")
    w.secret("o", {"username": canaries.new(), "password": canaries.new(),
                   "token": canaries.new(), "more": [canaries.new()]})
    w.secret("url", "%s/json/%s?k=%s" % (url, canaries.new(), canaries.new()))
    w.secret("bad404", "%s/status/404/%s" % (url, canaries.new()))
    w.variables = {
        PREFIX + "late": "%s/delay/60000/%s?k=%s" % (url, canaries.new(), canaries.new()),
        PREFIX + "notjson": "%s/json/%s?body=no" % (url, canaries.new()),
        PREFIX + "broken": canaries.new() + "\r\n" + canaries.new(),
        PREFIX + "unused": canaries.new(),
        PREFIX + "object": json.dumps({"k": canaries.new()}),
        "PATH": str(HERE.parent / "stand-ins" / "docker") + ":" + os.environ["PATH"]}
    for _ in range(5):
        w.secret("unused%d" % _, canaries.new())
    return ["s", "o", "url", "bad404", "late", "notjson", "broken", "object"]


def guarded(name, task):
    return {name: {"try": [{"step": task}], "catch": {}}}


def dump():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda d: int(d.split("/")[4]))
    tool = found[-1] + "/pg_dump" if found else "pg_dump"
    return subprocess.run([tool, "--inserts", "-d", os.environ["DATABASE_URL"]], check=True,
                          capture_output=True).stdout


def shown(w, run):
    """Everything that wfctl says of a run."""
    out = ""
    for form in ("text", "json", "jsonl"):
        for words in (["status", run], ["history", run], ["list"], ["status"],
                      ["retry", run, "--dry-run"]):
            done = w.wfctl(*words, "-o", form, expect=None)
            out += done.stdout + done.stderr
    return out


def canaries_are_nowhere(w):
    canaries = Canaries(w.name)
    names = plant(w, canaries)
    with contextlib.closing(Echo()) as echo:
        good = successes(w.recorder.url)
        bad = failures(w.recorder.url, echo.url)
        use = {"secrets": names, "functions": {
            "f": call("post", w.recorder.url + "/json/f", body="${ $secrets.object }")}}
        held = dict(call("post", w.recorder.url + "/drop_after_apply/x",
                         body="${ $secrets.s }"), metadata={"onUncertain": "hold"})
        runs = [w.start(path) for path in (
            w.definition([{k: v} for k, v in good.items()], use, "good"),
            w.definition([guarded(k, v) for k, v in bad.items()], use, "bad"),
            w.definition([{"last": shell("echo $K >&2; exit 5", environment={
                "K": "${ $secrets.s }"})}], use, "faulted"),
            w.definition([{"held": held}], use, "held"))]
        w.drain("--secret-env", PREFIX, "--env", PREFIX + "unused", "--env", "PATH")
    states = [w.status(run) for run in runs]
    assert [s["status"] for s in states] == ["completed", "completed", "faulted", "suspended"], \
        json.dumps(states[0]["error"] or [s["status"] for s in states]) + w.logs()
    failed = {s["path"].split("/")[3] for s in states[1]["steps"]
              if s["name"] == "step" and s["status"] == "faulted"}
    assert failed == set(bad), "did not fail: %s" % sorted(set(bad) - failed)
    steps = {s["name"]: s for s in states[0]["steps"]}
    assert steps["redirect"]["output"]["host"] in w.recorder.other_url, steps["redirect"]["output"]
    assert {s["authorization"] for s in w.recorder.records("/headers")} == {None}
    # They did go out, and the search would find them.
    requests = json.dumps(w.recorder.records())
    assert len(canaries.find(requests)) > 10, canaries.find(requests)
    for what, text in [("the database", dump()), ("the logs", w.logs())] + [
            ("what wfctl shows of " + s["workflow"]["name"], shown(w, s["id"])) for s in states]:
        found = canaries.find(text)
        assert not found, "seed %d: in %s: %s" % (SEED, what, found)
    print("# %d canaries in %d steps, seed %d" % (
        len(canaries.texts), len(good) + len(bad) + 2, SEED))


def processes_see_only_their_own(w):
    canaries = Canaries(w.name)
    plant(w, canaries)
    given, started, go = canaries.new(), w.folder / "started", w.folder / "go"
    w.secret("given", given)
    w.variables[PREFIX + "other"] = canaries.new()
    path = w.definition([{"x": shell(
        "cat >/dev/null; : >started; until [ -e go ]; do sleep 0.05; done",
        environment={"K": "${ $secrets.given }"}, stdin="${ $secrets.given }")}],
        {"secrets": ["given"]})
    run = w.start(path)
    worker = w.worker("--secret-env", PREFIX, "--env", PREFIX + "other", "--env", "PATH")
    try:
        wait_for(started.exists, "the shell starts")
        seen = 0
        for proc in glob.glob("/proc/[0-9]*"):
            with contextlib.suppress(OSError):
                words = pathlib.Path(proc, "cmdline").read_bytes()
                assert not canaries.find(words), "argv: %r" % words
                environment = pathlib.Path(proc, "environ").read_bytes()
                if int(proc[6:]) == os.getpid():
                    continue
                found = [f for f in canaries.find(environment) if not f.startswith(given)]
                assert not found, "environment of %r: %s" % (words, found)
                seen += given.encode() in environment
        assert seen >= 1, "the shell was not seen"
        assert pathlib.Path("/proc/%d/environ" % worker.pid).read_bytes().count(
            (PREFIX + "other=").encode()) == 1
    finally:
        go.touch()
    wait_for(lambda: w.status(run)["status"] == "completed", "the run ends")
    assert not canaries.find(dump()), "in the database"


# ---- Rotation ----

RETRY = {"delay": {"milliseconds": 300}, "limit": {"attempt": {"count": 3}}}


def sent(w, path):
    return [(r["path"], r["body"], r["key"]) for r in w.recorder.records(path)]


def rotation_is_no_change_of_the_request(w):
    """A value that changes between two attempts goes out with the second one, whatever the request
    does with it; also where no stand-in can be used in its place."""
    url = w.recorder.url
    w.secret("k", "one-1")
    w.secret("url", url + "/status/500/times/1/u1")
    tasks = [
        {"body": call("post", url + "/status/500/times/1/body",
                      body={"a": "${ $secrets.k }", "b": "${ $secrets.k | @base64 }"})},
        {"computed": call("post", url + "/status/500/times/1/computed",
                          body="${ $secrets.k | split(\"-\")[1] | tonumber }")},
        {"whole": call("post", "${ $secrets.url }")}]
    for name, second in (("body", "two-2"), ("computed", "three-3"), ("whole", None)):
        before = (w.secrets / "k").read_text()
        path = w.definition(
            [{"t": {"try": [t for t in tasks if name in t], "catch": {"retry": RETRY}}}],
            {"secrets": ["k", "url"]}, "rotate-" + name)
        run = w.start(path)
        worker = w.worker()
        w.recorder.wait("/status/500/times/1/" + ("u1" if name == "whole" else name))
        if second:
            w.secret("k", second)
        else:
            w.secret("url", url + "/dedupe/u2")
        wait_for(lambda: w.status(run)["status"] in ("completed", "suspended", "faulted"),
                 "the run ends")
        state = w.status(run)
        assert state["status"] == "completed", "%s: %s" % (name, w.wfctl("status", run).stdout)
        if second:
            got = sent(w, "/status/500/times/1/" + name)
            assert len(got) == 2 and got[0][2] == got[1][2], got
            values = [before, second]
            expected = [json.dumps({"a": v, "b": base64.b64encode(v.encode()).decode()},
                                   separators=(",", ":")) if name == "body" else v[-1]
                        for v in values]
            assert [g[1] for g in got] == expected, got
        else:
            assert len(sent(w, "/dedupe/u2")) == 1, w.recorder.counts()
        worker.terminate()
        worker.wait(30)


def rotation_while_a_worker_dies(w):
    w.secret("k", "old")
    path = w.definition([{"x": call("post", w.recorder.url + "/hold/h/x", headers={
        "X-Key": "${ $secrets.k }"}, body={"k": "${ $secrets.k }", "n": "${ .n }"})}],
        {"secrets": ["k"]})
    run = w.start(path)
    first = w.worker()
    w.recorder.wait("/hold/h/x")
    w.secret("k", "new")
    first.kill()
    first.wait(30)
    second = w.worker()
    w.recorder.wait("/hold/h/x", count=2)
    w.recorder.release("h")
    wait_for(lambda: w.status(run)["status"] == "faulted" or
             w.status(run)["status"] == "completed", "the run ends")
    got = sent(w, "/hold/h/x")
    assert [json.loads(g[1])["k"] for g in got] == ["old", "new"] and got[0][2] == got[1][2], got
    second.terminate()
    second.wait(30)


def digest(w, path):
    lines = w.wfctl("history", w.run(path)["id"], "-o", "jsonl").stdout.splitlines()
    entries = [json.loads(line) for line in lines]
    found = {e["digest"] for e in entries if e.get("digest")}
    assert len(found) == 1, entries
    return found.pop()


def no_digest_depends_on_a_value(w):
    """A digest in the journal would let anybody try values until it fits."""
    url = w.recorder.url + "/json/x"
    shapes = {
        "text": call("get", url, query={"k": "${ $secrets.k }"},
                     headers={"X": "a ${ $secrets.k }"}),
        "computed": call("get", url, query={"k": "${ $secrets.k | tonumber + 1 }"}),
        "input": dict(call("get", url, query={"k": "${ .k }"}),
                      input={"from": "{k: $secrets.k}"}),
        "auth": call("get", {"uri": url, "authentication": {"bearer": {"use": "k"}}})}
    for name, task in shapes.items():
        path = w.definition([{"x": task}], {"secrets": ["k"]}, "digest-" + name)
        w.secret("k", "1234")
        one = digest(w, path)
        w.secret("k", "98765432")
        assert digest(w, path) == one, name
    other = w.definition([{"x": call("get", url, query={"k": "x${ $secrets.k }"},
                                     headers={"X": "a ${ $secrets.k }"})}],
                         {"secrets": ["k"]}, "digest-other")
    text = w.folder / "digest-text.json"
    assert digest(w, other) != digest(w, text), "the rest of the request counts"


# ---- Missing secrets, functions, flags ----

def a_missing_secret_can_be_added(w):
    path = w.definition([{"x": call("post", w.recorder.url + "/dedupe/x", body={
        "k": "${ $secrets.k }"})}], {"secrets": ["k"]})
    run = w.run(path, expect=10)
    error = run["error"]
    assert error["status"] == 403 and error["type"].endswith("/errors/authorization"), error
    assert error["detail"] == 'there is no secret "k": no such file in the --secrets folder of ' \
        'this worker', error
    assert w.recorder.records() == []
    w.secret("k", "here")
    w.wfctl("retry", run["id"])
    w.drain()
    assert w.status(run["id"])["status"] == "completed"
    assert [r["body"] for r in w.recorder.records()] == ['{"k":"here"}']


def secrets_that_cannot_be_used_say_why(w):
    path = w.definition([{"x": call("get", w.recorder.url + "/json", query={
        "k": "${ $secrets.k }"})}], {"secrets": ["k"]})
    (w.secrets / "k").write_bytes(b"x" * 70000)
    error = w.run(path, expect=10)["error"]
    assert error["type"].endswith("/configuration") and "larger than 64 KiB" in error["detail"], error
    (w.secrets / "k").write_bytes(b"\xff")
    error = w.run(path, expect=10)["error"]
    assert error["type"].endswith("/configuration") and "UTF-8" in error["detail"], error
    (w.secrets / "k").unlink()
    (w.secrets / "k").mkdir()
    error = w.run(path, expect=10)["error"]
    assert error["status"] == 403 and "not a file" in error["detail"], error


def functions_of_the_catalog_use_the_secrets_of_their_caller(w):
    w.secret("k", "v1")
    f = w.folder / "f.json"
    f.write_text(json.dumps(call("post", w.recorder.url + "/dedupe/f", body="${ $secrets.k }")))
    w.wfctl("apply", "--function", "post:1.0.0", f)
    w.run(w.definition([{"x": {"call": "post:1.0.0@default"}}], {"secrets": ["k"]}))
    assert [r["body"] for r in w.recorder.records()] == ['"v1"']
    path = w.definition([{"x": {"call": "post:1.0.0@default"}}], {}, "undeclared")
    done = w.wfctl("run", path, expect=6)
    assert 'use.secrets has no secret "k"' in done.stderr, done.stderr
    f.write_text(json.dumps({"set": {"k": "${ $secrets.k }"}}))
    done = w.wfctl("apply", "--function", "post:2.0.0", f, expect=6)
    assert "$secrets may not stand here" in done.stderr, done.stderr


def wrong_flags_are_refused(w):
    path = w.definition([{"x": {"set": {"a": 1}}}])
    for words, text in ((["--secrets", "nowhere"], "--secrets takes a folder"),
                        (["--secret-env", "A-B"], "--secret-env takes the beginning")):
        for command in (["run", path], ["worker"], ["dev"]):
            done = w.wfctl(*command, *words, expect=2)
            assert text in done.stderr, done.stderr


def examples_with_secrets_are_valid(w):
    names = [path for place in (ROOT.parent, ROOT.parent.parent)
             for path in sorted(place.glob("shared/openworkflow/examples/*secret*.json"))]
    if not names:
        print("# left out: no examples beside the project")
    for path in names:
        done = w.wfctl("validate", "--spec", path)
        assert "use.secrets" not in done.stdout, done.stdout
        done = w.wfctl("apply", path, expect=6)
        assert "authentication is not supported" in done.stderr, done.stderr


CASES = [canaries_are_nowhere, processes_see_only_their_own, rotation_is_no_change_of_the_request,
         rotation_while_a_worker_dies, no_digest_depends_on_a_value, a_missing_secret_can_be_added,
         secrets_that_cannot_be_used_say_why,
         functions_of_the_catalog_use_the_secrets_of_their_caller, wrong_flags_are_refused,
         examples_with_secrets_are_valid]


def main():
    if "DATABASE_URL" not in os.environ:
        sys.exit("test_secrets.py: name an empty database in DATABASE_URL")
    subprocess.run([WFCTL, "migrate"], check=True, stdout=subprocess.DEVNULL)
    failed = 0
    cases = [c for c in CASES if not sys.argv[1:] or any(n in c.__name__ for n in sys.argv[1:])]
    for number, case in enumerate(cases, 1):
        name = case.__name__.replace("_", "-")
        with tempfile.TemporaryDirectory(prefix="secrets.") as folder, Recorder() as recorder, \
                contextlib.closing(World(name, folder, recorder)) as world:
            try:
                case(world)
                print("ok %d - %s" % (number, name), flush=True)
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                failed += 1
                print("not ok %d - %s" % (number, name))
                print("# " + (str(error) or traceback.format_exc()).replace("\n", "\n# "), flush=True)
    print("1..%d" % len(cases))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
