#!/usr/bin/env python3
"""What is told of a run's steps: how each ended, why and by whom, as a tree, the same in every form.

    test_cli_steps.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import json
import re
import signal

from cli_world import main, on_terminal, post
from harness import check, wait_for

BOOM = {"raise": {"error": {"type": "https://example.com/boom", "status": 500, "title": "Boom"}}}
LONG = {"wait": {"hours": 1}}
EAR = {"listen": {"to": {"one": {"with": {"type": "never"}}}}}


def steps_of(w, run):
    """What `status -o json` says, by name."""
    return {s["name"]: s for s in w.expect(0, "status", run, "-o", "json").json["steps"]}


def expect_steps(w, run, wanted):
    """name: status, or (cancelled, why, name of the step by which); the view says the same."""
    steps = steps_of(w, run)
    paths = {s["path"]: s["name"] for s in steps.values()}
    found = {name: (s["status"], s["reason"], paths.get(s["endedBy"], s["endedBy"])) if "reason" in s
             else s["status"] for name, s in steps.items()}
    check(found == wanted, "%s, not %s", found, wanted)
    view = json.loads(w.sql("select json_object_agg(name, json_build_array(status, reason, ended_by)) "
                            "from stepwell.steps where run_id = '%s'" % run))
    check(view == {name: [s["status"], s.get("reason"), s.get("endedBy")] for name, s in steps.items()},
          "the view says %s", view)
    for s in steps.values():
        check(s["endedAt"] or s["status"] in ("running", "waiting", "suspended"), "no end: %s", s)


def lines_of(text):
    """The tree of `status`: (depth, sign, name) a line."""
    tree = re.search(r"^steps\n((?:  .*\n)+)", text, re.M).group(1)
    return [(len(m[1]) // 2 - 1, m[2], m[3]) for m in
            (re.match(r"^( +)(\S) (\S+)", line) for line in tree.splitlines())]


def cut_off(w):
    """what a timeout, another branch or a fault has cut off is cancelled, and says by whom; a block around
    a failure has failed; status, the view, and all pictures say so"""
    path = w.file("cut", [
        {"race": {"fork": {"compete": True, "branches": [
            {"quick": {"wait": {"milliseconds": 50}}}, {"slow": {"do": [{"s1": LONG}]}}, {"ear": EAR}]}}},
        {"late": {"try": [{"inner": {"timeout": {"after": {"milliseconds": 100}},
                                     "do": [{"deep": {"do": [{"w": LONG}]}}]}}],
                  "catch": {"do": [{"handled": {"set": {"x": 1}}}]}}},
        {"guarded": {"try": [{"two": {"fork": {"branches": [
            {"bad": {"do": [{"pause": {"wait": {"milliseconds": 50}}}, {"boom": BOOM}]}},
            {"good": {"do": [{"g1": EAR}]}}]}}}], "catch": {"do": [{"sorry": {"set": {"x": 1}}}]}}}])
    w.expect(0, "run", path)
    run = w.last()
    first, time, boom = [("cancelled", why, by) for why, by in (
        ("quick was first", "quick"), ("inner did not end in time", "inner"), ("boom failed", "boom"))]
    expect_steps(w, run, {
        "race": "completed", "quick": "completed", "slow": first, "s1": first, "ear": first,
        "late": "completed", "inner": "faulted", "deep": time, "w": time, "handled": "completed",
        "guarded": "completed", "two": "faulted", "bad": "faulted", "pause": "completed", "boom": "faulted",
        "good": boom, "g1": boom, "sorry": "completed"})
    text = w.expect(0, "status", run).out
    check(re.search(r"⊘ w +cancelled +\S+  inner did not end in time\n", text), "%s", text)
    for form, pattern in (("text", r"⊘ w +cancelled, inner did not end in time"), ("mermaid", r"cancelled"),
                          ("dot", r"cancelled"), ("svg", r"data-path=\"[^\"]*/deep/do/0/w\" data-state=\"cancelled\"")):
        out = w.expect(0, "graph", "-o", form, run).out
        check(re.search(pattern, out), "%s: %s", form, out)


def loser_that_failed(w):
    """a step that failed and waited for its retry when another branch won is cancelled, and keeps its error"""
    path = w.file("lose", [{"race": {"fork": {"compete": True, "branches": [
        {"late": {"try": [{"x": post(w.recorder().url + "/status/503")}], "catch": {"retry": {"delay": {"seconds": 60}, "limit": {"attempt": {"count": 3}}}}}},
        {"quick": {"wait": {"seconds": 1}}}]}}}])
    w.expect(0, "run", path)
    run = w.last()
    steps = steps_of(w, run)
    check(steps["x"]["status"] == "cancelled" and steps["x"]["reason"] == "quick was first", "%s", steps["x"])
    check((steps["x"].get("error") or {}).get("status") == 503, "%s", steps["x"])
    check(not steps["quick"].get("error"), "%s", steps["quick"])
    w.expect(0, "status", run, out="quick was first", err="")


def tree(w):
    """the tree is by parent: branches that were under way at once are not mixed up"""
    def branch(name, wait):
        return {name: {"do": [{name + "1": {"wait": {"milliseconds": wait}}}, {name + "2": {"set": {"x": 1}}},
                              {name + "3": {"do": [{name + "4": {"set": {"x": 1}}}]}}]}}
    w.expect(0, "run", w.file("tree", [
        {"both": {"fork": {"branches": [branch("a", 60), branch("b", 20)]}}},
        {"each": {"for": {"in": "${ [1, 2] }"}, "do": [{"x": {"do": [{"y": {"set": {"x": 1}}}]}}]}}]))
    found = lines_of(w.expect(0, "status", "@last").out)
    check(found == [(0, "✓", "both")] + [(depth, "✓", name + end) for name in "ab" for depth, end in (
        (1, ""), (2, "1"), (2, "2"), (2, "3"), (3, "4"))] + [(0, "✓", "each")] + [
            (1, "✓", "[0]"), (2, "✓", "y"), (1, "✓", "[1]"), (2, "✓", "y")], "%s", found)


def cancelled_by(w, run):
    order, = w.expect(0, "status", run, "-o", "json").json["orders"]
    return order["by"]


def cancelled_before_a_retry(w):
    """a step that waits for its next attempt is waiting, by whatever policy, and cancelled with its run"""
    recorder = w.recorder()
    recorder.answer({"/down": [{"status": 503}, {"status": 503}]})
    failing = post(recorder.url + "/down")
    slow = {"delay": {"days": 1}, "limit": {"attempt": {"count": 3}}}
    run = w.expect(0, "start", w.file("r", [{"both": {"fork": {"branches": [
        {"own": dict(failing, metadata={"retryPolicy": "slow"})},
        {"guard": {"try": [{"inside": failing}], "catch": {"retry": slow}}}]}}}], use={"retries": {"slow": slow}})).id
    w.work()
    waiting = {"both": "running", "own": "waiting", "guard": "waiting", "inside": "waiting"}
    expect_steps(w, run, waiting)
    w.expect(0, "cancel", run)
    w.work()
    gone = ("cancelled", "the run was cancelled by " + cancelled_by(w, run), "")
    expect_steps(w, run, dict.fromkeys(waiting, gone))


def cancelled_run(w):
    """what was open in a run that is cancelled is cancelled with it, what was held too"""
    run = w.expect(0, "start", w.file("c", [{"both": {"fork": {"branches": [
        {"a": {"do": [{"a1": {"set": {"x": 1}}}, {"a2": LONG}]}}, {"b": EAR}]}}}])).id
    w.worker()
    w.wait_status(run, "waiting")
    expect_steps(w, run, {"both": "running", "a": "running", "a1": "completed", "a2": "waiting", "b": "waiting"})
    w.expect(0, "cancel", run)
    w.wait_status(run, "cancelled")
    gone = ("cancelled", "the run was cancelled by " + cancelled_by(w, run), "")
    expect_steps(w, run, {"both": gone, "a": gone, "a1": "completed", "a2": gone, "b": gone})


def late_run(w):
    """what was open in a run whose time was over is cancelled"""
    w.expect(10, "run", w.file("late", [{"d": {"do": [{"w": LONG}]}}], timeout={"after": {"milliseconds": 100}}))
    gone = ("cancelled", "the workflow did not end in time", "")
    expect_steps(w, w.last(), {"d": gone, "w": gone})


def ended_elsewhere(w):
    """a branch that ends the run has completed with all that is around it; the others are cancelled"""
    w.expect(0, "run", w.file("end", [{"both": {"fork": {"branches": [
        {"a": {"do": [{"a1": {"wait": {"milliseconds": 50}}}, {"a2": {"set": {"x": 1}, "then": "end"}}]}},
        {"b": {"do": [{"b1": LONG}]}}]}}}, {"never": {"set": {"x": 1}}}]))
    gone = ("cancelled", "another branch ended the run", "")
    expect_steps(w, w.last(), {"both": "completed", "a": "completed", "a1": "completed", "a2": "completed",
                               "b": gone, "b1": gone})


def faulted_beside(w):
    """a branch beside the one that failed is cancelled with the run, and goes on when it is retried: the plan
    says so, and what was cut short is sent again with the same id"""
    recorder = w.recorder()
    path = w.file("beside", [{"both": {"fork": {"branches": [
        {"bad": {"do": [{"call": post(recorder.url + "/status/503/times/1/bad")}]}},
        {"good": {"do": [{"g1": {"wait": {"milliseconds": 1500}}}]}},
        {"sent": {"do": [{"s1": post(recorder.url + "/hold/gate/s1")}]}}]}}}])
    run = w.expect(0, "start", path).id
    w.worker()
    w.wait_status(run, "faulted")
    gone = ("cancelled", "call failed", "call")
    expect_steps(w, run, {"both": "faulted", "bad": "faulted", "call": "faulted", "good": gone, "g1": gone,
                          "sent": gone, "s1": gone})
    plan = {s["name"]: s["action"] for s in w.expect(0, "retry", run, "-n", "-o", "json").json[0]["steps"]}
    check(plan == {"both": "continue", "bad": "continue", "call": "resend", "good": "continue", "g1": "continue",
                   "sent": "continue", "s1": "resend"}, "%s", plan)
    w.expect(0, "retry", run)
    recorder.wait("/hold", 2)
    recorder.release("gate")
    w.wait_status(run, "completed")
    check({s["status"] for s in steps_of(w, run).values()} == {"completed"}, "%s", steps_of(w, run))
    check(len({r["key"] for r in recorder.records("/hold")}) == 1, "another id")


def begun_anew(w):
    """what a block left behind when it began anew is cancelled, and is no part of what goes on"""
    recorder = w.recorder()
    w.expect(0, "run", w.file("anew", [
        {"t": {"try": [{"f": {"fork": {"branches": [
            {"bad": post(recorder.url + "/status/503/times/1/bad")}, {"good": {"wait": {"milliseconds": 900}}}]}}}],
               "metadata": {"retry": "block"},
               "catch": {"retry": {"limit": {"attempt": {"count": 2}}}}}}]))
    rows = w.sql("select name, status, reason from stepwell.steps order by place").splitlines()
    check("good|cancelled|bad failed" in rows and "good|completed|" in rows, "%s", rows)


def outlook(w):
    """a faulted run says what a retry would do: nothing is offered that raises or evaluates the same again"""
    recorder = w.recorder()
    url = recorder.url + "/status/503/x"
    for name, tasks, helps, text in (
            ("raise", [{"a": {"do": [{"b": BOOM}]}}], False, "a retry would raise the same error again, from the same data"),
            ("set", [{"s": {"set": {"x": "${ error(\"no\") }"}}}], False, "a retry would evaluate the same again, and fail"),
            ("with", [{"c": post(url, **{"input": {"from": "${ error(\"no\") }"}})}], False, "evaluate the same again"),
            ("call", [{"c": post(url)}], True, "it goes on from c, under the same stepId"),
            ("late", [{"c": post(recorder.url + "/hold/x/x", timeout={"after": {"milliseconds": 100}})}], True,
             "it goes on from c,")):
        done = w.expect(10, "run", w.file(name, tasks))
        shown = w.expect(0, "status", "@last").out
        check(text in shown and ("wfctl retry" in shown) == helps and ("wfctl retry" in done.err) == helps,
              "%s: %s%s", name, shown, done)
        check(helps or "start another run" in done.err and text in done.err, "%s", done)


def uncertain(w):
    """a step that may have taken effect is marked, however its run has ended; nobody is told to start afresh"""
    recorder = w.recorder()
    path = w.file("lost", [{"t": {"try": [{"charge": post(recorder.url + "/drop_after_apply/charge")}],
                                  "catch": {"do": [{"fail": BOOM}]}}}])
    started = w.expect(10, "run", path)
    shown, told = (w.expect(0, "status", "@last", *more) for more in ((), ("--steps",)))
    check(re.search(r"✗ charge .*; it may have taken effect\n", shown.out), "%s", shown)
    check(re.search(r"attempt 1 .*; it may have taken effect\n", told.out), "%s", told)
    for text in (shown.out, started.err):
        check("charge may have taken effect: find out" in text and "another run" not in text, "%s", text)
    steps = {s["name"]: s for s in w.expect(0, "status", "@last", "--steps", "-o", "json").json["steps"]}
    check({name for name, s in steps.items() if s.get("uncertain") is True} == {"charge"}, "%s", steps)
    check(steps["charge"]["failedAttempts"][0]["uncertain"] is True, "%s", steps)
    w.expect(0, "run", w.file("again", [{"charge": post(recorder.url + "/drop_after_apply/again?count=1", metadata={"retryPolicy": "p"})}],
                              use={"retries": {"p": {"limit": {"attempt": {"count": 1}}}}}))
    steps = steps_of(w, "@last")
    check(steps["charge"]["attempts"] == 2 and "uncertain" not in steps["charge"], "%s", steps)
    run = w.expect(0, "start", w.file("cut", [{"both": {"fork": {"branches": [
        {"sent": post(recorder.url + "/hold/cut/x")}, {"idle": LONG}]}}}])).id
    worker = w.worker()
    recorder.wait("/hold/cut", 1)
    w.expect(0, "cancel", run)
    w.wait_status(run, "cancelled")
    steps = steps_of(w, run)
    check({name for name, s in steps.items() if s.get("uncertain") is True} == {"sent"}, "%s", steps)
    check({s["status"] for s in steps.values()} == {"cancelled"}, "%s", steps)
    check(re.search(r"sent .* was cancelled by .*; it may have taken effect\n", w.expect(0, "status", run).out), "unsaid")
    # An error that says so itself is not followed by the same words.
    run = w.expect(0, "start", w.file("died", [{"sent": post(
        recorder.url + "/hold/died/x", metadata={"onUncertain": "fail"})}])).id
    recorder.wait("/hold/died", 1)
    w.end(worker, signal.SIGKILL)
    w.worker()
    w.wait_status(run, "faulted")
    for more in ((), ("--steps",)):
        text = w.expect(0, "status", run, *more).out
        check(re.search(r"✗ sent .* lost during attempt 1; it may have taken effect\n", text) and
              "effect; it may" not in text, "%s", text)


def extended(w):
    """what holds a task and its extensions is no step, and gives no other name to what was cut off"""
    run = w.expect(0, "run", w.file("e", [{"t": {"try": [{"slow": {"do": [{"w": LONG}], "timeout": {"after": {
        "milliseconds": 50}}}}], "catch": {"do": [{"c": {"set": {"x": 1}}}]}}}],
        use={"extensions": [{"log": {"extend": "composite", "before": [{"b": {"set": {"y": 1}}}]}}]})) and w.last()
    steps = steps_of(w, run)
    check(not [s for s in steps.values() if s["path"].endswith("!")], "%s", steps)
    check((steps["w"]["status"], steps["w"]["reason"]) == ("cancelled", "slow did not end in time"), "%s", steps["w"])


def narrow(w):
    """on a terminal what does not fit behind a step stands below it"""
    w.expect(10, "run", w.file("n", [{"boom": {"raise": {"error": {
        "type": "https://example.com/boom", "status": 500, "title": "T" * 60}}}}]))
    code, text = on_terminal(w, "status", "@last", env={"NO_COLOR": "1"})
    check(code == 0 and re.search(r"✗ boom +faulted +\S+\r?\n +T{60} \(500\)", text), "%s", text)


if __name__ == "__main__":
    main([cut_off, loser_that_failed, tree, cancelled_before_a_retry, cancelled_run, late_run, ended_elsewhere, faulted_beside, begun_anew, outlook, uncertain, extended, narrow])
