#!/usr/bin/env python3
"""The forms of what commands print: JSON as one value, or as lines.

    test_cli_forms.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import json
import pathlib
import re

from cli_world import PATIENCE, TIME, main, post
from harness import check


def forms(w):
    """json is one value: an array of every command that may speak of several things, also for one and for none; jsonl
    has the same objects, one a line"""
    path = w.file("f", [{"a": {"set": {"x": 1}}}])
    boom = w.file("b", [{"boom": {"raise": {"error": {"type": "https://example.com/b", "status": 500}}}}])
    w.expect(0, "apply", path, boom)
    check(w.expect(0, "list", "-o", "json").json == [], "no array of nothing")
    check(w.expect(0, "list", "-o", "jsonl").out == "", "a line of nothing")
    run, waiting = w.expect(0, "start", "cli/b").id, w.expect(0, "start", "cli/f", "--delay", "1h").id
    w.expect(0, "run", path)
    w.expect(0, "worker", "--poll", "50ms", "--until-idle")
    for words in (["list"], ["list", "--limit", "1"], ["history", run], ["workflows"], ["apply", path], ["apply", path, boom],
                  ["apply", "--function", "f:1.0.0", w.text("g.json", '{"set": {"x": 1}}')],
                  ["validate", path], ["validate", path, boom], ["retry", "-n", run], ["suspend", waiting]):
        array = w.expect(0, *words, "-o", "json").json
        check(isinstance(array, list) and array and all(isinstance(o, dict) for o in array), "%s: %s", words, array)
        if words[0] not in ("apply", "suspend"):  # the second time it is another result
            check(w.expect(0, *words, "-o", "jsonl").lines == array, "%s", words)
    for words in (["status", run], ["status"], ["version"], ["gc", "--older-than", "30d"], ["start", path], ["run", path]):
        value = w.expect(0, *words, "-o", "json").json
        line = w.expect(0, *words, "-o", "jsonl").lines
        check(isinstance(value, dict) and len(line) == 1 and list(line[0]) == list(value), "%s: %s", words, value)
    broken = w.text("broken.json", "{")
    array = w.expect(6, "validate", path, broken, "-o", "json").json
    check([o["valid"] for o in array] == [True, False], "%s", array)
    array = json.loads(w.expect(3, "cancel", waiting, "ffffffffffff", "-o", "json").out)
    check([(o["id"], "error" in o) for o in array] == [(waiting, False), (None, True)], "%s", array)


def habits(w):
    """what other programs call a command is understood, and answered with ours"""
    for word, command in (("ps", "list"), ("get", "status"), ("ui", "graph"), ("stat", "status"), ("logs", "history"),
                          ("strat", "start")):
        w.fails(2, "did you mean %s?" % command, word)


def standard_input(w):
    """- is standard input, JSON or YAML, also of validate and apply"""
    text = pathlib.Path(w.file("f", [{"a": {"set": {"x": 1}}}])).read_text()
    yaml = "document: { dsl: 1.0.3, namespace: cli, name: y, version: 1.0.0 }\ndo: [ { a: { set: { x: 1 } } } ]\n"
    for given in (text, yaml):
        w.expect(0, "validate", "-", input=given, out="-: valid")
        w.expect(0, "apply", "-", input=given, out="registered")
    w.expect(6, "validate", "-", input='{"do": 1}', out="-:1:1: error: ")
    check(w.expect(0, "run", "-", input=yaml).out == '{"x":1}\n', "run -")


def emitted(w):
    """emit makes an event of --type and --data, and draws what was not given"""
    path = w.file("l", [{"l": {"listen": {"to": {"one": {"with": {"type": "order.paid"}}}}}}])
    run = w.expect(0, "start", path).id
    w.fails(2, "given here it is --type TYPE --data JSON", "emit", '{"type": "order.paid"}')
    w.expect(0, "emit", "--type", "order.paid", "--data", '{"n": 1}', out="1 stored, 0 duplicates")
    w.expect(0, "emit", "--type", "order.sent", "--id", "7", "--source", "urn:shop", "--subject", "s", out="1 stored")
    w.expect(0, "emit", "--type", "order.sent", "--id", "7", "--source", "urn:shop", out="0 stored, 1 duplicate")
    w.expect(0, "emit", "--type", "order.sent", "--data", "-", input='{"n": 2}', out="1 stored")
    w.work()
    check(w.expect(0, "status", run, "-o", "json").json["output"] == [{"n": 1}], "it took another event")
    w.fails(2, "give a FILE", "emit")
    w.fails(2, "give a FILE", "emit", "-", "--type", "t")
    w.fails(2, "go with --type", "emit", "-", "--data", "1")
    w.fails(6, "--data", "emit", "--type", "t", "--data", "{")


def old_event(w):
    """a second run for the same thing takes no event that is older than itself, where its filter says so"""
    def listener(name, **more):
        return w.file(name, [{"l": {"listen": {"to": {"one": {
            "with": {"type": "order.approved", **more}, "correlate": {"order": {
                "from": ".data.order", "expect": "${ .order }"}}}}}}}])
    new = listener("new", time="${ . > $workflow.startedAt.iso8601 }")
    w.expect(0, "emit", "--type", "order.approved", "--data", '{"order": 7, "by": "old"}')
    w.worker()
    old = w.expect(0, "run", listener("old"), "--input", '{"order": 7}').out
    run = w.expect(0, "start", new, "--input", '{"order": 7}').id
    w.wait_status(run, "waiting")
    w.expect(0, "emit", "--type", "order.approved", "--data", '{"order": 7, "by": "new"}')
    w.wait_status(run, "completed")
    found = w.expect(0, "status", run, "-o", "json").json["output"]
    check(found == [{"order": 7, "by": "new"}] and "old" in old, "%s, %s", found, old)


def orders(w):
    """status says who ordered what of a run, and when"""
    run = w.expect(0, "start", w.file("s", [{"w": {"wait": {"hours": 1}}}])).id
    w.worker()
    w.wait_status(run, "waiting")
    check("ordered" not in w.expect(0, "status", run).out, "nobody ordered anything")
    for change, then in (("suspend", "suspended"), ("resume", "waiting"), ("cancel", "cancelled")):
        w.expect(0, change, run)
        w.wait_status(run, then)
    found = w.expect(0, "status", run, "-o", "json").json["orders"]
    check([o["change"] for o in found] == ["suspend", "resume", "cancel"], "%s", found)
    check(all(re.fullmatch(r"\S.*@\S+ \(postgres\)", o["by"]) and re.fullmatch(TIME, o["at"]) for o in found), "%s", found)
    lines = re.findall(r"^ordered    (\w+) by \S+ \(postgres\), \S+Z$", w.expect(0, "status", run).out, re.M)
    check(lines == ["suspend", "resume", "cancel"], "%s", lines)


def followed(w):
    """history -f prints what comes, until the run has ended; its lines say why"""
    run = w.expect(0, "start", w.file("f", [{"w": {"wait": {"milliseconds": 700}}}, {"boom": {"raise": {"error": {
        "type": "https://example.com/b", "status": 500, "title": "Boom"}}}}])).id
    reader = w.spawn("history", "-f", run)
    w.worker()
    out, err = reader.communicate(timeout=PATIENCE)
    check(reader.returncode == 0 and err == "" and out == w.expect(0, "history", run).out, "%s%s", out, err)
    check(re.search(r"faulted +error +/do/1/boom  Boom \(500\)\n", out), "%s", out)


def outputs(w):
    """status --steps shows the outputs of steps, and how each attempt failed"""
    recorder = w.recorder()
    run = w.expect(0, "start", w.file("o", [{"t": {"try": [{"c": post(recorder.url + "/status/503/times/2/x")}], "catch": {
        "retry": {"limit": {"attempt": {"count": 3}}}}}}, {"s": {"set": {"x": 1}}}])).id
    w.work()
    text = w.expect(0, "status", run, "--steps").out
    found = re.findall(r"^        attempt (\d)  \S+  HTTP 503 \(503\)", text, re.M)
    check(found == ["1", "2"] and re.search(r'^      output \{"x": ?1\}$', text, re.M), "%s", text)
    check("attempt 1" not in w.expect(0, "status", run).out, "unasked")
    steps = {s["name"]: s for s in w.expect(0, "status", run, "--steps", "-o", "json").json["steps"]}
    check([(a["attempt"], a["error"]["status"]) for a in steps["c"]["failedAttempts"]] == [(1, 503), (2, 503)] and
          steps["s"]["failedAttempts"] == [], "%s", steps)


if __name__ == "__main__":
    main([forms, habits, standard_input, emitted, old_event, orders, followed, outputs])
