#!/usr/bin/env python3
"""The commands that look at runs, work on them and change them: status, list, history, worker, retry, orders.

    test_cli_runs.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import json
import os
import re
import signal

from cli_world import ENTRY_MEMBERS, LIST_MEMBERS, PATIENCE, TIME, UUID, on_terminal, post, shape, main
from harness import check, wait_for


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
    w.fails(2, "the runs of a key: wfctl list --key", "status", "order-1042")
    w.fails(3, "those of a key", "status", "ffffffffffff")
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
    plan = w.expect(0, "retry", "@last", "--dry-run", "-o", "json", err="").json[0]
    check([(s["action"], s["path"]) for s in plan["steps"]] == [
        ("skip", "/do/0/a"), ("resend", "/do/1/b"), ("first", "/do/2/c")], "%s", plan)
    check(plan["steps"][1]["stepId"] == ids[1], "%s", plan)
    fresh = w.expect(0, "retry", "@last", "-n", "--new-id", "-o", "json").json[0]["steps"]
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


def refused(w):
    """status says why what an endpoint has answered was refused, where the step is held for a person too"""
    recorder = w.recorder()
    task = dict(post(recorder.url + "/dedupe/a"), metadata={"onUncertain": "hold"},
                output={"schema": {"document": {"required": ["no-such-member"]}}})
    run = w.expect(0, "start", w.file("refused", [{"a": task}])).id
    worker = w.worker()
    w.wait_status(run, "suspended")
    w.end(worker, signal.SIGTERM)
    why = "\"no-such-member\" is missing"
    w.expect(0, "status", run, out=why)
    (step,) = w.expect(0, "status", run, "-o", "json").json["steps"]
    check(step["status"] == "suspended" and why in step["error"]["detail"], "%s", step)


def held(w):
    """a held step is sent again by retry only: resume is refused, and the plan says the same"""
    recorder = w.recorder()
    recorder.answer({"/once/b": [{"cut": True}, {"status": 200, "body": {}}]})
    once = dict(post(recorder.url + "/once/b"), metadata={"onUncertain": "hold"})
    path = w.file("h", [{"a": post(recorder.url + "/dedupe/a")}, {"b": once}, {"c": post(recorder.url + "/dedupe/c")}])
    w.expect(8, "run", path, out="", err="let it go on: wfctl retry")
    text = w.expect(0, "status", "@last").out
    check(re.search(r"next +wfctl retry \w+\n +it sends b again; if it was done:\n +wfctl resume \w+ --answer JSON\n", text),
          "%s", text)
    w.fails(5, "step /do/1/b is held", "resume", "@last")
    w.work()
    check(len(recorder.records("/once/b")) == 1, "it was sent again without being asked for")
    w.expect(0, "retry", "@last", err="")
    w.work()
    check(w.expect(0, "status", "@last", "-o", "json").json["status"] == "completed", "the retry did not do it")
    check(len(recorder.records("/once/b")) == 2, "requests: %s", recorder.counts())


def held_and_done(w):
    """what was found done is said, with what it gave: it is not sent again, and what follows sees the answer"""
    recorder = w.recorder()
    recorder.answer({"/once/%s" % i: [{"cut": True}] for i in "abc"})
    hold = {"metadata": {"onUncertain": "hold"}}
    once = dict(post(recorder.url + "/once/a"), output={"as": "${ .id }", "schema": {"document": {"type": "integer"}}}, **hold)
    w.expect(8, "run", w.file("d", [{"a": once}, {"b": {"set": {"n": "${ . + 1 }"}}}]), out="",
             err="or, if it was done: wfctl resume")
    run = w.expect(0, "status", "@last", "-o", "json").json["id"]
    w.fails(2, "--step needs --answer", "resume", run, "--step", "a")
    w.fails(2, "of one run", "resume", run, run, "--answer", "1")
    w.fails(6, "--answer", "resume", run, "--answer", "{")
    w.fails(5, "no step b is held", "resume", run, "--step", "b", "--answer", "1")
    w.fails(3, "no run", "resume", "ffffffffffff", "--answer", "1")
    # One that does not fit is asked for again; the effect stays uncertain, and nothing is sent.
    w.expect(0, "resume", run, "--answer", '{"id": "x"}', out="answered")
    w.work()
    status = w.expect(0, "status", run, "-o", "json").json
    check((status["status"], status["reason"]) == ("suspended", "the answer that was given for the step was refused"), "%s", status)
    # The order to suspend before it is taken does not lose it, and neither does a retry.
    w.expect(0, "resume", run, "--step", "/do/0/a", "--answer", "@" + w.text("answer.json", '{"id": 41}'), "-o", "json")
    w.expect(0, "suspend", run)
    w.work()
    check(w.expect(0, "status", run, "-o", "json").json["status"] == "suspended", "it is not suspended")
    w.expect(0, "retry", run)
    w.work()
    status = w.expect(0, "status", run, "-o", "json").json
    check((status["status"], status["output"], status["steps"][0]["status"], status["steps"][0].get("uncertain")) == (
        "completed", {"n": 42}, "completed", None), "%s", status)
    check([o["change"] for o in status["orders"]] == ["answer", "answer", "suspend", "retry"], "%s", status["orders"])
    entry, = [e for e in w.expect(0, "history", run, "-o", "json").json if e["kind"] == "answered"][1:]
    check(entry["path"] == "/do/0/a" and entry["by"] == status["orders"][1]["by"] and "@" in entry["by"], "%s", entry)
    check("answered" in w.expect(0, "history", run).out and " by " in w.expect(0, "history", run).out, "not in the text")
    w.fails(5, "is held", "resume", run, "--answer", "1")
    # Of several each is answered for itself; what is not stays held.
    branches = [{i: dict(post(recorder.url + "/once/" + i), **hold)} for i in "bc"]
    w.expect(8, "run", w.file("two", [{"both": {"fork": {"branches": branches}}}]), out="")
    w.fails(5, "--step /do/0/both/fork/branches/0/b or --step", "resume", "@last", "--answer", "1")
    w.expect(0, "resume", "@last", "--step", "c", "--answer", "2")
    w.work()
    status = {s["name"]: s["status"] for s in w.expect(0, "status", "@last", "-o", "json").json["steps"]}
    check((status["b"], status["c"]) == ("suspended", "completed"), "%s", status)
    w.expect(0, "resume", "@last", "--answer", "1")
    w.work()
    status = w.expect(0, "status", "@last", "-o", "json").json
    check((status["status"], status["output"]) == ("completed", [1, 2]), "%s", status)
    check([len(recorder.records("/once/" + i)) for i in "abc"] == [1, 1, 1], "requests: %s", recorder.counts())


def held_with_its_window(w):
    """the window of a held step's key is read in every form: what it covers is retried without --force"""
    recorder = w.recorder()
    windows = [{"milliseconds": 86400000}, {"seconds": 2592000}, {"minutes": 1000000}, "P30D"]
    recorder.answer({"/once/%d" % i: [{"cut": True}, {"status": 200, "body": {}}] for i in range(len(windows))})
    for i, window in enumerate(windows):
        once = dict(post(recorder.url + "/once/%d" % i), metadata={"onUncertain": "hold", "keyWindow": window})
        w.expect(8, "run", w.file("w%d" % i, [{"b": once}]), out="", err="let it go on: wfctl retry")
        w.expect(0, "retry", "@last", err="")
        w.work()
        check(w.expect(0, "status", "@last", "-o", "json").json["status"] == "completed", "%s", window)


def retry_after_catch(w):
    """what failed and was caught is not what a retry goes on from"""
    recorder = w.recorder()
    failing = {"guard": {"try": [{"charge": post(recorder.url + "/replay500/x")}],
                         "catch": {"do": [{"note": {"set": {"a": 1}}}]}}}
    w.expect(0, "apply", w.file("caught", [failing, {"rest": {"wait": {"days": 1}}}, {"end": {"set": {"b": 1}}}]))
    run = w.expect(0, "start", "cli/caught", "-o", "json").json["id"]
    w.work()
    w.expect(0, "suspend", run)
    w.work()
    text = w.expect(0, "status", run).out
    check(re.search(r"next +wfctl resume \w+\n", text), "%s", text)
    steps = w.expect(0, "retry", run, "--dry-run", "-o", "json").json[0]["steps"]
    plan = {s["path"]: s["action"] for s in steps}
    check(plan["/do/0/guard/try/0/charge"] == "skip" and plan["/do/1/rest"] == "continue"
          and plan["/do/2/end"] == "first" and "resend" not in plan.values(), "%s", plan)
    # What a block's time cut short goes on, not the block.
    slow = post(recorder.url + "/hold/gate/slow", metadata={"keyWindow": "PT1S"})
    w.expect(10, "run", w.file("late", [{"block": {"do": [{"slow": slow}, {"next": {"set": {"a": 1}}}],
                                                   "timeout": {"after": {"milliseconds": 500}}}}]))
    recorder.release("gate")
    plan = {s["path"]: s["action"] for s in w.expect(0, "retry", "@last", "-n", "-o", "json").json[0]["steps"]}
    check(plan == {"/do/0/block": "continue", "/do/0/block/do/0/slow": "resend", "/do/0/block/do/1/next": "first"},
          "%s", plan)
    w.sql("select pg_sleep(1)")
    w.fails(5, "--force", "retry", "@last")
    # Of two that failed the one that the error names, although the other began later.
    bad = {"bad": post(recorder.url + "/replay500/y?delay=800")}
    good = {"good": {"do": [{"soon": {"wait": {"milliseconds": 200}}}, failing, {"later": {"wait": {"days": 1}}}]}}
    w.expect(10, "run", w.file("two", [{"both": {"fork": {"branches": [bad, good]}}}]))
    plan = {s["path"]: s["action"] for s in w.expect(0, "retry", "@last", "-n", "-o", "json").json[0]["steps"]}
    check([p for p, action in plan.items() if action == "resend"] == ["/do/0/both/fork/branches/0/bad"],
          "%s", plan)


def retry_in_function(w):
    """the key window of a step inside a function is the engine's to judge"""
    recorder = w.recorder()
    recorder.answer({"/dedupe/f": [{"cut": True}, {"status": 200, "body": {}}]})
    call = dict(post(recorder.url + "/dedupe/f"), metadata={"onUncertain": "hold", "keyWindow": "P7D"})
    w.expect(8, "run", w.file("f", [{"pay": {"call": "paying"}}], use={"functions": {"paying": {"do": [{"x": call}]}}}))
    w.sql("update stepwell.entry set at = at - interval '2 days'")
    w.expect(0, "retry", "@last", out="retried", err="")
    w.work()
    check(w.expect(0, "status", "@last", "-o", "json").json["status"] == "completed", "it was held again")


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
    rows = w.expect(0, "list", "-o", "json", err="").json
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
                         (["-s", "completed,faulted"], 6), (["-s", "completed", "-s", "waiting"], 4), (["--key", "k2"], 1),
                         (["--key", "k2", "-s", "completed"], 0), (["--key", "k9"], 0),
                         (["--workflow", "cli/b", "--key", "k2"], 0),
                         (["--workflow", "cli/a"], 5), (["--workflow", "cli/a:1.0.0"], 5),
                         (["--workflow", "cli/a:2.0.0"], 0), (["--workflow", "cli"], 6),
                         (["--workflow", "cli/b", "--status", "faulted"], 0),
                         (["--since", "1h"], 6), (["--since", "2100-01-01T00:00:00Z"], 0)):
        got = w.expect(0, "list", "-o", "json", *words, err="").json
        check(len(got) == count, "%s: %d, not %d", words, len(got), count)
    page = w.expect(0, "list", "--status", "completed", "-n", "3", err="--cursor ")
    check(len(page.out.splitlines()) == 4 and page.out.startswith("RUN  "), "%s", page)
    check(re.search(UUID, page.err).group() == page.out.splitlines()[-1].split()[0], "%s", page)
    w.fails(2, "--status takes pending|", "list", "--status", "done")
    ids = w.expect(0, "list", "-q", err="").out.split()
    check(ids == [r["id"] for r in rows], "%s", ids)
    run = w.expect(0, "start", w.file("w", [{"a": {"wait": {"hours": 2}}}])).id
    w.worker()
    w.wait_status(run, "waiting")
    row = w.expect(0, "list", "-s", "waiting").out.splitlines()[1]
    check(re.search(r"waiting .*  (2h|1h 59m\S*.*)  cli/w:1.0.0  waits$", row), "%s", row)
    (row,) = w.expect(0, "list", "-s", "waiting", "-o", "json").json
    check(row["reason"] == "waits" and row["dueAt"], "%s", row)
    w.fails(2, "--since takes", "list", "--since", "yesterday")
    w.fails(3, "no run", "list", "--cursor", "ffffffffffff")
    w.fails(2, "takes no argument", "list", "faulted")


def listing_children(w):
    """list shows children where they were created, in pages of any size; --since and --parent too"""
    recorder = w.recorder()
    kid = w.file("kid", [{"a": {"set": {"x": 1}}}])
    child = {"run": {"workflow": {"namespace": "cli", "name": "kid", "version": "1.0.0"}}}
    tasks = [{"one": child}, {"hold": post(recorder.url + "/hold/gate/a")}, {"two": child}, {"three": child}]
    w.expect(0, "apply", kid, w.file("top", tasks))
    parent = w.expect(0, "start", "cli/top").id
    worker = w.worker()
    recorder.wait("/hold/gate", 1)
    other = w.expect(0, "start", "cli/kid").id
    w.wait_status(other, "completed")
    since = w.sql("select clock_timestamp() at time zone 'UTC'").replace(" ", "T") + "Z"
    recorder.release("gate")
    w.wait_status(parent, "completed")
    last = w.expect(0, "start", "cli/kid").id
    w.wait_status(last, "completed")
    w.end(worker, signal.SIGTERM)
    created = w.sql("select id from stepwell.runs order by created_at desc").split()
    check(created[0] == last and created[3] == other and created[5] == parent, "%s", created)
    for size in range(1, 7):
        seen, cursor = [], []
        while part := w.expect(0, "list", "-q", "-n", str(size), *cursor).out.split():
            seen += part
            cursor = ["--cursor", part[-1]]
        check(seen == created, "pages of %d: %s, not %s", size, seen, created)
    for words, ids in ((["--since", since], created[:3]), (["--parent", parent], created[1:3] + created[4:5]),
                       (["--parent", parent, "--cursor", created[1]], [created[2], created[4]]),
                       (["--since", since, "--cursor", created[1]], created[2:3]),
                       (["-s", "completed", "--workflow", "cli/top"], [parent])):
        got = w.expect(0, "list", "-q", *words, err="").out.split()
        check(got == ids, "%s: %s, not %s", words, got, ids)
    w.sql("update stepwell.run set created_at = created_at - interval '2 days' where parent_run_id is not null")
    counts = w.expect(0, "status", "-o", "json").json["counts"]
    check(counts["completed"] == 3, "of the last 24 hours: %s", counts)


def listeners(w):
    """status, list and stepwell.runs say which events a run waits for, in few words where they are many"""
    names = iter("abcdefgh")

    def start(*targets):
        branches = [{"b%d" % i: {"listen": {"to": to}}} for i, to in enumerate(targets)]
        return w.expect(0, "start", w.file(next(names), [{"a": {"fork": {"branches": branches}}}])).id

    def typed(*types):
        return [{"with": {"type": t}} for t in types]
    long = "d" + "\u00e9" * 60
    runs = {start({"all": typed("a", "b")}): "waits for an event: b",
            start({"one": {"with": {"source": "urn:x"}}}): "waits for an event: any from urn:x",
            start({"any": typed("c", long, "c", "e\u202e", "f", "g")}):
                "waits for events: c, %s..., e\u202e and 2 more" % long[:40],
            start(*[{"one": t} for t in typed("f", "f")]): "waits for an event: f",
            start({"any": typed("h"), "until": {"one": typed(r"o\..*")[0]}}): r"waits for events: h, o\..*"}
    many = start(*[{"any": typed(*["t.%d" % (64 * n + i) for i in range(64)])} for n in range(10)])
    runs[many] = "waits for events: t.0, t.1, t.2 and 637 more"
    w.expect(0, "emit", "--type", "a", "--source", "urn:z")
    worker = w.worker()
    for run, reason in runs.items():
        wait_for(lambda: w.sql("select reason from stepwell.runs where id = '%s'" % run) == reason, 30, "not %r" % reason)
    check({r["id"]: r["reason"] for r in w.expect(0, "list", "-s", "waiting", "-o", "json").json} == runs, "list")
    check(dict(json.loads(w.sql("select json_agg(json_build_array(id, reason)) from stepwell.runs"))) == runs, "view")
    check(w.expect(0, "status", many, "-o", "json").json["reason"] == runs[many], "status")
    for text in (w.expect(0, "list").out, w.expect(0, "status", many).out):
        check("\u202e" not in text and "t.2 and 637 more" in text, "%s", text)
    w.end(worker, signal.SIGTERM)


def history(w):
    """history prints the journal, with -o json an array of operations"""
    recorder = w.recorder()
    path = w.file("h", [{"a": post(recorder.url + "/dedupe/a")},
                        {"b": post(recorder.url + "/status/418/b")}])
    run_id = w.expect(10, "run", path, "-o", "json").json["id"]
    steps = w.expect(0, "status", run_id, "-o", "json").json["steps"]
    lines = w.expect(0, "history", run_id[-8:], "-o", "json", err="").json
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
    w.expect(0, "suspend", waiting, out="suspend", err="")
    w.wait_status(waiting, "suspended")
    w.expect(0, "suspend", waiting, out="suspended", err="")
    fresh = w.expect(0, "start", waits, "--delay", "1h").id
    w.expect(0, "suspend", fresh, out="suspended", err="")
    check(w.status(fresh) == "suspended", "it is not")
    text = w.expect(0, "status", waiting, err="").out
    command = re.search(r"next +wfctl (resume \w+)", text)
    check(command, "no next command: %s", text)
    w.fails(5, "it is pending", "resume", pending)
    w.expect(0, *command.group(1).split(), out="resumed", err="")
    w.wait_status(waiting, "waiting")
    line = w.expect(0, "cancel", waiting, pending, "-o", "json", err="").json
    for entry in line:
        shape(entry, ["id", "result"])
    w.wait_status(waiting, "cancelled")
    w.wait_status(pending, "cancelled")
    for verb in ("suspend", "resume", "retry"):
        w.fails(5, "cancelled", verb, waiting)
    result = w.run("cancel", waiting, "ffffffffffff")
    check(result.code == 3 and waiting in result.out and "ffffffffffff" in result.err, "%s", result)


def heartbeats(w, count):
    """Until the only worker has beaten so often."""
    for _ in range(count):
        before = w.sql("select seen_at from stepwell.worker")
        wait_for(lambda: w.sql("select seen_at from stepwell.worker") != before, PATIENCE, "a heartbeat")


def orders_taken_back(w):
    """an order to suspend that is not obeyed yet is taken back by resume, of whoever owns the run"""
    slow = w.file("slow", [{"a": {"run": {"shell": {"command": "touch %s/at; while ! test -e %s/go; do sleep 0.05; done"
                                                    % (w.dir, w.dir)}}}}, {"b": {"set": {"x": 1}}}])
    alone = w.expect(0, "start", w.file("w", [{"w": {"wait": "PT1H"}}])).id
    worker = w.worker()
    w.wait_status(alone, "waiting")
    w.end(worker, signal.SIGTERM)
    w.expect(0, "suspend", alone, out="suspend requested", err="")
    w.expect(0, "resume", alone, out="suspend taken back", err="")
    w.fails(5, "it is waiting", "resume", alone)
    check(w.sql("select coalesce(request, 'none') from stepwell.lease") == "none", "the order stands")
    w.expect(0, "suspend", alone, err="")
    w.expect(0, "cancel", alone, err="")
    w.fails(5, "is to be cancelled", "resume", alone)
    w.work()
    for heartbeat, hears in (("200ms", True), ("3s", False)):
        for name in ("at", "go"):
            if os.path.exists(w.dir + "/" + name):
                os.remove(w.dir + "/" + name)
        run = w.expect(0, "start", slow).id
        worker = w.worker("--allow-run", "--heartbeat", heartbeat, "--lease", "12s")
        wait_for(lambda: os.path.exists(w.dir + "/at"), PATIENCE, "the step runs")
        w.expect(0, "suspend", run, err="")
        heartbeats(w, 2)
        w.expect(0, "resume", run, out="suspend taken back", err="")
        if hears:
            heartbeats(w, 2)
        w.text("go", "")
        w.wait_status(run, "completed")
        told = w.sql("select count(*) from stepwell.entry where kind = 'suspended' and run_id = '%s'" % run)
        check(not hears or told == "0", "it was suspended: %s", told)
        w.end(worker, signal.SIGTERM)
    refused = w.fails(5, run, "resume", "@last")
    check("it is completed" in refused.err, "%s", refused)


def orders_refused(w):
    """with -o json each run that was named has an object, also one that is refused or not known"""
    boom = w.file("boom", [{"a": {"raise": {"error": {"type": "https://x/e", "status": 400, "title": "no"}}}}])
    waits = w.file("w", [{"w": {"wait": "PT1H"}}])
    w.expect(10, "run", boom)
    faulted = w.last()
    waiting = w.expect(0, "start", waits).id
    for form in ("json", "jsonl"):
        done = w.run("cancel", waiting, faulted, "ffffffffffff", "-o", form)
        said = json.loads(done.out) if form == "json" else [json.loads(line) for line in done.out.splitlines()]
        check(done.code == 5 and [x["id"] for x in said] == [waiting, faulted, None], "%s", done)
        check("result" in said[0] and "faulted" in said[1]["error"] and "ffffffffffff" in said[2]["error"], "%s", said)
    for verb in ("suspend", "resume", "retry"):
        done = w.run(verb, "ffffffffffff", "-o", "json")
        check(done.code == 3 and json.loads(done.out)[0]["run"] == "ffffffffffff", "%s", done)
    refused = w.fails(5, "wfctl retry " + faulted[-12:], "resume", faulted)
    check(refused.err.startswith("wfctl: %s: it is faulted" % faulted), "%s", refused)


def worker_gone(w):
    """of a run whose worker was killed, status says so, and what to do when no worker lives"""
    path = w.file("slow", [{"a": {"run": {"shell": {"command": "touch %s/at; sleep 30" % w.dir}}}}])
    run = w.expect(0, "start", path).id
    worker = w.worker("--allow-run", "--heartbeat", "200ms", "--lease", "1s")
    wait_for(lambda: w.status(run) == "running" and os.path.exists(w.dir + "/at"), PATIENCE, "the step runs")
    seen = w.expect(0, "status", run, "-o", "json", err="").json["worker"]
    check(seen["process"] == worker.pid and seen["gone"] is False and seen["host"], "%s", seen)
    w.end(worker, signal.SIGKILL)
    wait_for(lambda: w.expect(0, "status", run, "-o", "json").json["worker"]["gone"], PATIENCE, "its lease is over")
    text = w.expect(0, "status", run, err="").out
    check(re.search(r"process %d: gone, last seen .* ago; no worker lives" % worker.pid, text), "%s", text)
    check("status -w" not in text and "next       wfctl worker" in text, "%s", text)
    pool = w.expect(0, "status", "-o", "json", err="").json
    check(pool["due"] == 1 and pool["oldestDueAt"], "%s", pool)
    w.sql("update stepwell.lease set owner = null, state = 'waiting', due = clock_timestamp() - interval '1 minute'")
    text = w.expect(0, "status", run, err="").out
    check("for a worker" in text and "status -w" not in text, "%s", text)


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
    faulted = w.expect(0, "list", "--status", "faulted", "-o", "json").json[0]
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
    w.sql("update stepwell.lease set due = 'infinity', suspect_at = now()")
    w.expect(0, "status", run_id, out="for a process of its own, started by a worker with --allow-run", err="")
    w.sql("update stepwell.lease set suspect_at = now() + interval '1 minute'")
    text = w.expect(0, "status", run_id, err="").out
    check("due " in text and "waits" not in text, "%s", text)
    w.sql("update stepwell.lease set due = now() - interval '1 minute', suspect_at = null")
    w.expect(0, "status", out="1 due run needs a worker with --allow-run", err="")
    result = w.end(worker, signal.SIGTERM)
    check(result.code == 0, "SIGTERM: %s", result)
    check(w.sql("select count(*) from stepwell.worker") == "0", "workers stayed in the pool")
    w.work()
    check(w.status(run_id) == "pending", "claimed without --allow-run")
    w.work("--allow-run")
    check(w.expect(0, "status", run_id, "-o", "json").json["output"] == "hi\n", "the shell's output")


if __name__ == "__main__":
    main([pool, status, status_folds, status_tree, status_watch, worker, retry, retry_after_catch, retry_in_function,
          refused, held, held_and_done, held_with_its_window, listing, listing_children, listeners, history, orders, orders_taken_back,
          orders_refused, worker_gone,
          escapes])
