#!/usr/bin/env python3
"""The command line as a stranger uses it: what makes and runs workflows, with real input and with bad input, its
exit code, what goes to stdout and what to stderr, the shapes of its JSON.

    test_cli.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import pathlib
import contextlib
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import time

from cli_world import PATIENCE, RUN_MEMBERS, STEP_MEMBERS, TIME, UUID, WFCTL, is_alive, post, shape, main
from checks import stretch
from harness import check, ROOT, uses_sanitizer, wait_for


def migrate(w):
    """migrate creates the schema, is safe to repeat, and refuses another encoding"""
    empty = w.server.create("empty")
    w.expect(7, "migrate", "--check", "--db", empty, out="wfctl migrate", err="")
    w.fails(7, "run: wfctl migrate", "list", "--db", empty)
    w.fails(7, "run: wfctl migrate", "worker", "--db", empty)
    w.expect(0, "migrate", "--db", empty, out="%d migrations applied" % len(list((ROOT / "sql" / "migrations").glob("*.sql"))), err="")
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
                     "host=/nowhere password='geheim", "postgresql://u:geheim/1@h/x", "postgresql://u:1/geheim@h/x",
                     "postgresql://u:ge@geheim@h/x", "postgresql://h/u:geheim@x", "u:geheim@h:5432/x",
                     "host=h,password=geheim dbname=x", "postgresql:/u:geheim@h/x"):
        for words in (["list"], ["run", hello], ["migrate"]):
            result = w.fails(7, "wfctl: ", *words, "--db", conninfo)
            check("geheim" not in result.err, "the password is told: %s", result)
    result = w.fails(2, "--database takes NAME=CONNINFO", "worker", "--database",
                     "postgresql://u:geheim@h/x")
    check("geheim" not in result.err, "the password is told: %s", result)
    result = w.fails(7, "wfctl: ", "list", env={"DATABASE_URL": "postgresql://u:geheim@127.0.0.1:1/"})
    check("geheim" not in result.err, "the password is told: %s", result)


def wide_definitions(w):
    """what names many things by their names takes time for each once, and what is multiplied is bounded"""
    def document(tasks, **more):
        return json.dumps(dict({"document": {"dsl": "1.0.3", "namespace": "cli", "name": "wide", "version": "1.0.0"}, "do": tasks}, **more))
    n, one = 10000, {"set": {"a": 1}}
    schema = dict({"d%d" % i: {"$ref": "#/$defs/d%d" % (i + 1)} for i in range(n)}, **{"d%d" % n: True})
    head = "document: { dsl: 1.0.3, namespace: cli, name: wide, version: 1.0.0 }\n"
    for name, text, code, err in (
            ("then.json", document([{"t%d" % i: dict(one, then="t%d" % (n - 1 - i))} for i in range(n)]), None, ""),
            ("retry.json", document([{"t%d" % i: {"try": [{"a": one}], "catch": {"retry": "r%d" % i}}} for i in range(n)],
                                    use={"retries": {"r%d" % i: {"delay": "PT1S"} for i in range(n)}}), 0, ""),
            ("calls.json", document([{"t%d" % i: {"call": "f%d" % i}} for i in range(n - 1)],
                                    use={"functions": {"f%d" % i: one for i in range(n)}}), 0, ""),
            ("refs.json", document([{"t": one}], input={"schema": {"document": {"$defs": schema, "$ref": "#/$defs/d0"}}}), 0, ""),
            ("extended.json", document([{"t%d" % i: one for i in range(1)}] + [{"u%d" % i: one} for i in range(2000)], use={"extensions": [
                {"e%d" % i: {"extend": "set", "before": [{"b": one}]}} for i in range(120)]}), 6, "more than 200000 tasks"),
            ("pairs.yaml", head + "do: [" + "a: , " * n + "]", 6, "more than 2000 pairs")):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = w.run("validate", w.text(name, text))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        check(code is None or done.code == code, "%s: %s", name, str(done)[:400])
        check(err in done.out + done.err, "%s: %s", name, str(done)[:400])
        check(took < (20 if uses_sanitizer(WFCTL) else 3), "%s took %.1f s", name, took)
        if name == "retry.json":
            w.expect(0, "graph", w.dir + "/" + name)
            drawn = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - after.ru_utime
            check(drawn < (20 if uses_sanitizer(WFCTL) else 3), "%s was drawn in %.1f s", name, drawn)


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
    check(re.fullmatch(r"wfctl \d+\.\d+\.\d+\+([0-9a-f]{12}(\.[0-9a-f]{8})?|src\.[0-9a-f]{8})\n", version), "%s",
          version)
    check(w.expect(0, "version", "-o", "json").json == {"version": version.split()[1]}, "version")


def version(w):
    """a build is told from others: by the commit and what was changed since, as an archive by its file, else by its
    sources"""
    for name in ("engine", "steps", "cli", "sql"):
        pathlib.Path(w.dir, name).mkdir()
    for name in ("meson.build", "engine/a.c", "script/version", "script/commit", ".gitattributes"):
        place = pathlib.Path(w.dir, name)
        place.parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, place) if (ROOT / name).exists() else place.write_text("int a;\n")

    def told(folder=w.dir):
        return subprocess.run([folder + "/script/version"], check=True, capture_output=True, text=True).stdout.strip()

    def git(*words):
        return subprocess.run(["git", "-C", w.dir, "-c", "user.name=a", "-c", "user.email=a@example.com", *words],
                              check=True, capture_output=True).stdout
    loose = told()
    check(re.fullmatch("src\\.[0-9a-f]{8}", loose), "%s", loose)
    pathlib.Path(w.dir, "engine/a.c").write_text("int b;\n")
    check(told() != loose, "another source, the same build")
    if not shutil.which("git"):
        return
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "a")
    commit = git("rev-parse", "HEAD").decode()[:12]
    check(told() == commit, "%s, not %s", told(), commit)
    packed = git("archive", "HEAD")
    pathlib.Path(w.dir, "engine/a.c").write_text("int c;\n")
    check(re.fullmatch(commit + "\\.[0-9a-f]{8}", told()), "%s", told())
    pathlib.Path(w.dir, "unpacked").mkdir()
    subprocess.run(["tar", "-x", "-C", w.dir + "/unpacked"], input=packed, check=True)
    check(told(w.dir + "/unpacked") == commit, "%s", told(w.dir + "/unpacked"))


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
    w.expect(0, "validate", "--spec", fork, out="warning: /do/0/f/run/script/language: ", err="")
    for words in [], ["--runnable"]:
        w.expect(6, "validate", *words, fork, out="error: /do/0/f/run/script/language: ", err="")
    w.fails(2, "give one", "validate", "--spec", "--runnable", fork)
    w.expect(3, "validate", good, "nowhere.json", err="nowhere.json", out="good.json: valid")
    verdicts = w.expect(6, "validate", good, bad, "-o", "json", err="").json
    for verdict in verdicts:
        shape(verdict, ["file", "valid", "runnable", "findings"])
    check([v["valid"] for v in verdicts] == [True, False], "%s", verdicts)
    shape(verdicts[1]["findings"][0], ["class", "line", "column", "pointer", "text"])
    same = w.expect(6, "validate", good, bad, "--format", "json", err="").json
    check(same == verdicts, "--format json differs from -o json: %s", same)
    w.fails(2, "give one", "validate", good, "--format", "json", "-o", "text")
    verdict = w.expect(6, "validate", fork, "-o", "json").json[0]
    check((verdict["valid"], verdict["runnable"]) == (True, False), "%s", verdict)


def validate_beyond_schema(w):
    """what the schema cannot say is refused by validate, apply, run and start; a warning with --spec"""
    cases = {
        "then": ([{"a": {"set": {"x": 1}, "then": "nowhere"}}], "/do/0/a/then: no task \"nowhere\""),
        "name": ([{"a": {"set": {"x": 1}}}, {"a": {"set": {"x": 1}}}], "/do/1/a: another task of this list is named"),
        "use": ([{"a": {"raise": {"error": "nowhere"}}}], "/do/0/a/raise/error: no entry \"nowhere\" in use.errors"),
        "empty": ([{"a": {"do": []}}], "/do/0/a/do: this list of tasks is empty"),
        "duration": ([{"a": {"wait": {"seconds": -1}}}], "/do/0/a/wait/seconds: must be an integer of 0 or more"),
        "expression": ([{"a": {"set": {"x": "Hello ${ .name | lenght }"}}}], "/do/0/a/set/x: the expression does not "
                       "compile: no function lenght; did you mean length"),
        "unclosed": ([{"a": {"set": {"x": "${ .a"}}}], "/do/0/a/set/x: the expression does not compile: this ${"),
        "pattern": ([{"a": {"listen": {"to": {"one": {"with": {"type": "("}}}}}}], "regular expression is not valid"),
    }
    for name, (tasks, text) in cases.items():
        path = w.file(name, tasks)
        w.expect(0, "validate", "--spec", path, out="warning: ", err="")
        check(text in w.expect(0, "validate", "--spec", path).out, "nothing about %r", text)
        w.expect(6, "validate", path, out="error: ", err="")
        for command in ("apply", "run", "start"):
            w.fails(6, text, command, path)
    head = "document: { dsl: 1.0.3, namespace: t, name: columns, version: 1.0.0 }\ndo:\n"
    expression = "  - a:\n      set:\n        text: >-\n          Hello ${ .name\n            | lenght }\n"
    two = w.text("columns.yaml", head + expression + "  - b:\n      wait: PT1S\n      then: nowhere\n")
    out = w.expect(6, "validate", two, err="").out
    for place in ("columns.yaml:7:15: error: /do/0/a/set/text: ", "columns.yaml:10:13: error: /do/1/b/then: "):
        check(place in out, "nothing at %s in %s", place, out)
    lonely = w.text("lonely.yaml", head + expression)
    out = w.expect(6, "validate", lonely, err="").out
    check("lonely.yaml:7:15: error: /do/0/a/set/text: " in out, "no column in %s", out)
    unreached = w.file("unreached", [{"a": {"set": {"x": 1}, "then": "end"}}, {"b": {"set": {"x": 1}}}])
    w.expect(0, "validate", unreached, out="warning: /do/1/b: this task is never reached", err="")
    w.expect(0, "apply", unreached)


def validate_large(w):
    """a thousand tasks with expressions are judged at once"""
    tasks = [{"t%d" % i: {"set": {"x": "${ .items | map(select(.price > %d)) | length }" % i}, "if": ".n > %d" % i}}
             for i in range(1000)]
    path = w.file("large", tasks)
    started = time.monotonic()
    w.expect(0, "validate", path, out="valid", err="")
    took = time.monotonic() - started
    check(took < 10 * stretch(), "took %.1f s", took)  # libjq alone would take that, and this build is slow


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
    result = w.expect(0, "apply", "defs", fresh, "-o", "json", err="").json
    for line in result:
        shape(line, ["file", "workflow", "result"])
    check([r["result"] for r in result] == ["unchanged", "unchanged", "registered"], "%s", result)
    for name, text in (("cli/one:2.0.0", "the newest versions that are: 1.0.0"), ("cli/none:1.0.0", "register it with: wfctl apply FILE")):
        refused = w.fails(3, 'workflow "%s" is not registered' % name, "start", name)
        check(text in refused.err, "%s", refused)
    w.expect(0, "apply", w.file("one", [{"a": {"set": {"v": "pre"}}}], "pre", "2.0.0-rc.1"))
    w.expect(0, "apply", w.file("one", [{"a": {"set": {"v": 10}}}], "ten", "1.10.0"))
    w.expect(0, "apply", w.file("one", [{"a": {"set": {"v": 9}}}], "nine", "1.9.0"))
    check(w.expect(0, "run", "cli/one").json == {"v": 10}, "the highest release is not taken")
    check(w.expect(0, "run", "cli/one:1.9.0").json == {"v": 9}, "not the version that was named")
    ordered = ["1.0.0-999999999999", "1.0.0-20260101000059", "1.0.0-20260101000059.1", "1.0.0-a", "1.0.999999999999",
               "1.0.1000000000000", "1.0.20260101000001", "1.0.20260101000059", "1.999999999999.0", "1.20260101000059.0"]
    for version in ordered:
        w.expect(0, "apply", w.file("long", [{"a": {"set": {"v": version}}}], "long", version))
    check(w.sql("select string_agg(version, ' ' order by version_order) from stepwell.definition where name = 'long'")
          == " ".join(ordered), "versions of long numbers have another order")
    check(w.expect(0, "run", "cli/long").json == {"v": ordered[-1]}, "not the highest of the long")
    listed = w.expect(0, "workflows", "-o", "json", err="").json
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
    told = re.findall(r"wfctl (status \w+)$", result.err, re.M)
    check(len(told) == 1 and "start another run" in result.err, "no command to go on: %s", result)
    for command in told:
        w.expect(0, *command.split(), err="")
    result = w.expect(10, "run", path, "-o", "json", err="Teapot").json
    shape(result, RUN_MEMBERS)
    check(result["output"] is None and result["error"] == {
        "type": "https://example.com/e", "status": 418, "title": "Teapot", "detail": "short",
        "instance": "/do/1/boom"}, "%s", result["error"])
    check(result["steps"][1]["error"] == result["error"], "%s", result["steps"])
    w.expect(0, "status", "@last", out="start another run", err="")
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
    check("goes on when a worker lives, and none does: wfctl worker" in result.err, "%s", result)
    worker = w.worker()
    recorder.wait("/dedupe/b", 1)
    command = re.search(r"come back with: wfctl (.*)", result.err).group(1)
    w.wait_status(w.last(), "completed")
    w.expect(0, *shlex.split(command), out="completed", err="")
    check(len(recorder.records("/dedupe/a")) == 1, "a completed step was executed again")
    check(w.end(worker, signal.SIGTERM).code == 0, "the worker's exit code")
    waits = w.file("l", [{"a": {"set": {"n": 1}}}, {"w": {"wait": "PT1H"}}])
    for command in (["run"], ["run", "--remote"], ["start", "--wait"]):
        for form in ("json", "jsonl"):
            result = w.expect(8, *command, waits, "-t", "300ms", "-o", form, err="come back with: wfctl status")
            left = json.loads(result.out)
            check(left["id"] == w.last() and left["status"] in ("pending", "waiting", "running"), "%s", result)
            w.expect(0, "cancel", left["id"], err="")


def marked_files(w):
    """a byte order mark before a document of a person is no content: files and standard input"""
    mark = b"\xef\xbb\xbf"

    def marked(name, text):
        return w.text(name, mark + text.encode())
    flow = {"document": {"dsl": "1.0.0", "namespace": "cli", "name": "marked", "version": "1.0.0"},
            "do": [{"s": {"set": "${ . }"}}]}
    path = marked("m.json", json.dumps(flow))
    given = marked("i.json", '{"a":1}\r\n')
    check(w.expect(0, "validate", path, err="").code == 0, "validate")
    check(w.expect(0, "run", path, "-i", "@" + given, err="").json == {"a": 1}, "--input @FILE")
    text = '\ufeff{"a":1}\r\n'
    check(w.expect(0, "run", path, "-i", "-", input=text, err="").json == {"a": 1}, "--input -")
    event = marked("e.json", '{"type":"t","id":"1","source":"/s"}\n')
    w.expect(0, "emit", event, out="1 stored", err="")


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
    check(time.monotonic() - begun < 5 * stretch(), "Ctrl-C took %d s", time.monotonic() - begun)
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
    last = w.expect(0, "history", "@last", "-o", "json", err="").json[-1]
    check(last["kind"] == "cancelled" and last["outcome"] == "uncertain", "the shell was cut short: %s", last)


def cancelled_meanwhile(w):
    """who cancels a run that another's order is just ending is told that it is cancelled"""
    run = w.expect(0, "start", w.file("c", [{"a": {"wait": {"hours": 1}}}])).id
    ends = w.session("begin; delete from stepwell.lease where run_id = '%s'; update stepwell.run set status = 'cancelled', "
                     "ended_at = now() where id = '%s'" % (run, run))
    process = w.spawn("cancel", run)
    wait_for(lambda: w.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and "
                           "datname = current_database()") == "1", PATIENCE, "the order waits")
    ends("commit")
    out, err = process.communicate(timeout=PATIENCE)
    check(process.returncode == 0 and out.endswith("cancelled\n") and err == "", "%d %s%s", process.returncode, out, err)


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
    waited = w.expect(8, "start", "cli/s", "--wait", "--timeout", "300ms", "-o", "json", err="come back with").json
    check(waited["status"] == "pending", "%s", waited)
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
    done = w.expect(0, "start", "cli/s", "--wait", "--input", '{"n":3}', out='{"got":3}\n')
    check(done.err.split() == ["run", w.expect(0, "list", "-q", "-n", "1").id], "%s", done)
    whole = w.expect(0, "start", "cli/s", "--wait", "--input", '{"n":3}', "-o", "json", err="").json
    check(whole["output"] == {"got": 3}, "%s", whole)
    check((w.status(later), w.status(then)) == ("pending", "pending"), "started too early")
    w.expect(0, "cancel", later, then, err="")
    w.wait_status(then, "cancelled")
    w.wait_status(later, "cancelled")
    fault = w.file("bad", [{"a": {"raise": {"error": {"type": "https://x/e", "status": 400}}}}])
    w.expect(10, "start", fault, "--wait", err="faulted")
    check(w.end(worker, signal.SIGTERM).code == 0, "the worker's exit code")


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
        for words in (["start", hello], ["list"], ["status"], ["apply", hello], ["worker"], ["migrate"], ["emit", hello],
                      ["gc", "--older-than", "1d"], ["workflows"]):
            w.fails(7, "no database is configured", *words, **there)
        check(not os.path.lexists(folder + "/.wfctl"), "something was made")
        w.expect(0, "dev", "--reset", err="no private database", out="", **there)
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
        check("Ctrl-C ends the worker, and Postgres with the last wfctl of this folder" in left.stderr.readline(), "dev says nothing")
        psql = shlex.split(left.stderr.readline().partition(": ")[2])
        check(psql[0] == "psql", "dev does not say where the database is: %s", psql)
        seen = subprocess.run([w.server.bin + "/psql", "-qXAt", "-c", "select count(*) > 2 from stepwell.runs", psql[1]],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        check(seen.stdout == "t\n", "%s: %s", psql, seen)
        w.expect(0, "doctor", err='psql "host=', **there)
        place = os.path.realpath(folder + "/.wfctl")
        left.send_signal(signal.SIGSTOP)
        for option in ("--stop", "--reset"):
            refused = w.fails(5, "process %d uses the private database" % left.pid, "dev", option, **there)
            check("kill %d" % left.pid in refused.err, "%s", refused)
        check(servers_of(folder), "the server was taken from under a living dev")
        left.send_signal(signal.SIGCONT)
        w.end(left, signal.SIGTERM)
        gone(folder)
        w.expect(0, "dev", "--stop", err="no private Postgres was running", out="", **there)
        w.expect(0, "dev", "--reset", err="is removed", out="", **there)
        w.fails(7, "no database is configured", "list", **there)
        check(not os.path.lexists(folder + "/.wfctl") and not os.path.exists(place), "the place is left")
        w.expect(0, "run", hello, "--input", '{"n":1}', out='{"got":1}\n', err="", **there)
        check(len(w.expect(0, "list", "-o", "jsonl", **there).lines) == 1, "runs of the removed database")


def private_interrupted(w):
    """what an interrupted first start has left is removed, with its folder and the link; who waits meanwhile makes it anew"""
    with private_folder(w) as folder:
        there = {"env": PRIVATE, "cwd": folder}
        half = w.spawn("dev", **there)
        wait_for(lambda: os.path.exists(folder + "/.wfctl/data.new"), PATIENCE, "a cluster is being made")
        w.end(half, signal.SIGKILL)
        place = os.path.realpath(folder + "/.wfctl")
        check(not os.path.exists(place + "/data"), "the cluster was there too soon")
        reset = w.spawn("dev", "--reset", **there)
        run = w.spawn("run", w.file("p", [{"a": {"set": {"n": 1}}}]), **there)
        _, said = reset.communicate(timeout=PATIENCE)
        check((reset.returncode, "is removed" in said, "another process uses" in said) in ((0, True, False), (5, False, True)),
              "%d: %s", reset.returncode, said)
        got, said = run.communicate(timeout=PATIENCE)
        check(run.returncode == 0 and json.loads(got) == {"n": 1}, "%s: %r %s", run.returncode, got, said)
        gone(folder)
        w.expect(0, "dev", "--reset", err="is removed", out="", **there)
        check(not os.path.lexists(folder + "/.wfctl") and not os.path.exists(place), "the place is left")
        w.expect(0, "dev", "--reset", err="no private database", out="", **there)


def examples(w):
    """every example of the README and of examples/ is valid, and hello runs"""
    files = sorted(str(p) for p in (ROOT / "examples").glob("*.json"))
    w.expect(0, "validate", *files, err="")
    readme = (ROOT / "README.md").read_text()
    check(len(readme.splitlines()) <= 100, "the README has more than 100 lines")
    workflow = re.search(r"```json\n(.*?)```", readme, re.S).group(1)
    w.expect(0, "validate", w.text("readme.json", workflow), err="")
    w.expect(0, "run", str(ROOT / "examples" / "hello.json"), err="")


if __name__ == "__main__":
    main([private, private_interrupted, run_interrupt, migrate, unreachable, wide_definitions, usage, version, validate, validate_beyond_schema, validate_large,
          validate_text, apply, run, run_key, run_json, run_faulted, run_waits, run_timeout, marked_files, run_remote,
          run_cancelled, cancelled_meanwhile, start, migrate_print, examples])
