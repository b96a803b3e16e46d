#!/usr/bin/env python3
"""Where branches, timeouts, children, events and orders meet.

    test_meetings.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from cli_world import PATIENCE, main, post  # noqa: E402
from harness import ROOT, check, wait_for  # noqa: E402

QUICK = ("--heartbeat", "100ms", "--lease", "300ms")


def child(name, **more):
    return {"run": {"workflow": {"namespace": "cli", "name": name, "version": "1.0.0"}}, **more}


def beats(w, count):
    seen = "select seen_at from stepwell.worker"
    for _ in range(count):
        before = w.sql(seen)
        wait_for(lambda: w.sql(seen) != before, 10, "the worker's heart beats")


def suspended_fork(w):
    """suspend, while one branch of a fork has ended its effect and another has not: the worker goes on"""
    recorder = w.recorder()
    path = w.file("fork", [{"both": {"fork": {"branches": [
        {"quick": {"do": [{"a": post(recorder.url + "/hold/first/a")}, {"b": {"set": {"x": 1}}},
                          {"c": post(recorder.url + "/dedupe/c")}]}},
        {"timed": {"do": [{"t": {"wait": {"milliseconds": 900}}}, {"u": {"set": {"x": 1}}}]}},
        {"slow": {"do": [{"s": post(recorder.url + "/hold/gate/s")}]}}]}}}])
    run = w.expect(0, "start", path).id
    worker = w.worker(*QUICK)
    recorder.wait("/hold", 2)
    w.expect(0, "suspend", run)
    beats(w, 2)  # it has heard of it
    recorder.release("first")
    wait_for(lambda: w.sql("select count(*) from stepwell.steps where run_id = '%s' and name = 'a' and "
                           "status = 'completed'" % run) == "1", PATIENCE, "the first branch's effect is recorded")
    beats(w, 12)  # until the timer is due, too
    check(w.status(run) == "running", "the run is %s", w.status(run))
    recorder.release("gate")
    w.wait_status(run, "suspended")
    check(not recorder.records("/dedupe/c"), "a step began after the order")
    w.expect(0, "resume", run)
    w.wait_status(run, "completed")
    w.end(worker, signal.SIGTERM)


def lost_and_late(w):
    """a step whose worker died is uncertain, also if its time has passed before another came"""
    recorder = w.recorder()
    more = {"timeout": {"after": {"seconds": 1}}}
    again = {"limit": {"attempt": {"count": 3}}}
    tasks = {"fail": post(recorder.url + "/hold/gate/fail", metadata={"onUncertain": "fail", "retryPolicy": "r"}, **more),
             "hold": post(recorder.url + "/hold/gate/hold", metadata={"onUncertain": "hold", "retryPolicy": "r"}, **more),
             "block": {"try": [{"in": post(recorder.url + "/hold/gate/block", metadata={"onUncertain": "hold"})}],
                       "catch": {"retry": again}, **more}}
    ids = {name: w.expect(0, "start", w.file(name, [{name: task}], use={"retries": {"r": again}})).id
           for name, task in tasks.items()}
    worker = w.worker(*QUICK)
    recorder.wait("/hold/gate", 3)
    w.end(worker, signal.SIGKILL)
    recorder.release("gate")
    w.sql("select pg_sleep(1.2)")
    w.work(*QUICK)
    found = {name: w.status(run) for name, run in ids.items()}
    check(found == {"fail": "faulted", "hold": "suspended", "block": "suspended"}, "%s", found)
    check(len(recorder.records("/hold/gate")) == 3, "requests: %s", recorder.counts())


def held_and_late(w):
    """what may have taken effect when a block's time was over is asked for, each by itself, and never sent unasked"""
    recorder = w.recorder()

    def branch(name, rule):
        return {name: post(recorder.url + "/hold/gate/" + name, metadata={"onUncertain": rule})}
    path = w.file("late", [{"guard": {"try": [{"both": {"timeout": {"after": {"seconds": 1}}, "fork": {"branches": [
        branch("x", "hold"), branch("y", "hold"), branch("z", "fail")]}}}],
        "catch": {"as": "e", "do": [{"tell": {"set": {"why": "${ $e.instance }"}}}]}}}])
    run = w.expect(0, "start", path).id
    worker = w.worker(*QUICK)
    for name in "xy":
        w.wait_status(run, "suspended")
        found = w.sql("select string_agg(name, '' order by name) from stepwell.steps where run_id = '%s' and "
                      "status = 'suspended'" % run)
        check(name in found, "held: %s", found)
        w.expect(0, "resume", run, "--step", name, "--answer", "1")
        if name == "x":
            wait_for(lambda: w.sql("select status from stepwell.steps where run_id = '%s' and name = 'x'" % run)
                     == "completed", PATIENCE, "the answer is taken")
    w.wait_status(run, "completed")
    why = w.sql("select output ->> 'why' from stepwell.runs where id = '%s'" % run)
    check(why.endswith("/z"), "it was caught: %s", why)
    check(len(recorder.records("/hold/gate")) == 3, "requests: %s", recorder.counts())
    w.end(worker, signal.SIGTERM)


def late_while_held(w):
    """while a step is held, what is still under way has no more time than it had"""
    recorder = w.recorder()
    late = {"timeout": {"after": {"seconds": 2}}}
    block = [{"a": post(recorder.url + "/hold/gate/a")}]
    path = w.file("held", [{"both": {"fork": {"branches": [
        {"x": post(recorder.url + "/hold/gate/x", timeout={"after": {"seconds": 1}}, metadata={"onUncertain": "hold"})},
        {"y": {"try": [{"in": post(recorder.url + "/hold/gate/y", **late)}], "catch": {}}},
        {"z": {"try": [{"in": {"do": block, **late}}], "catch": {}}}]}}}])
    run = w.expect(0, "start", path).id
    worker = w.worker(*QUICK)
    w.wait_status(run, "suspended", 10)
    w.expect(0, "resume", run, "--answer", "1")
    w.wait_status(run, "completed")
    w.end(worker, signal.SIGTERM)


def drained_and_late(w):
    """a step that was not sent when its worker drained has all its time with the next one"""
    recorder = w.recorder()
    path = w.file("queued", [{"s": post(recorder.url + "/hold/gate/q", timeout={"after": {"seconds": 3}})}])
    ids = [w.expect(0, "start", path).id for _ in range(3)]
    worker = w.worker("--concurrency", "1", "--drain-timeout", "50ms")
    recorder.wait("/hold/gate", 1)
    wait_for(lambda: w.sql("select count(*) from stepwell.journal where kind = 'started'") != "0", PATIENCE,
             "an attempt is announced")
    w.end(worker, signal.SIGTERM)
    recorder.release("gate")
    w.sql("select pg_sleep(3.2)")
    w.spawn("worker", "--poll", "50ms")
    wait_for(lambda: recorder.release("gate") + 1 and all(w.status(i) == "completed" for i in ids), PATIENCE,
             "all runs complete")


def many_events(w):
    """a listener finds its event behind more of them than one look lists"""
    w.expect(0, "apply", w.file("late", [{"hear": {"listen": {"to": {"one": {"with": {
        "type": "meet.paid", "data": "${ .n == 240 }"}}}}}}]))
    w.sql("select count(stepwell.emit(json_build_object('id', n::text, 'source', '/meet', 'type', 'meet.paid', "
          "'data', json_build_object('n', n)))) from generate_series(1, 250) n")
    w.work()
    run = w.expect(0, "start", "cli/late").id
    worker = w.worker()
    w.wait_status(run, "completed")
    w.end(worker, signal.SIGTERM)


def routed_unseen(w):
    """a router that has begun before the listener subscribed wakes nobody: the listener waits for it"""
    w.expect(0, "apply", w.file("ear", [{"hear": {"listen": {"to": {"one": {"with": {"type": "meet.unseen"}}}}}}]))
    w.sql("select stepwell.emit('{\"id\": \"1\", \"source\": \"/m\", \"type\": \"meet.unseen\"}')")
    router = w.session("begin; select last from stepwell.event_place for update; "
                       "update stepwell.event_place set last = last + 1; update stepwell.event set routed = true, "
                       "place = (select last from stepwell.event_place) where type = 'meet.unseen'")
    run = w.expect(0, "start", "cli/ear").id
    worker = w.worker(*QUICK)
    wait_for(lambda: w.sql("select count(*) from stepwell.subscription where run_id = '%s'" % run) == "1", PATIENCE,
             "it listens")
    beats(w, 5)
    router("commit")
    w.wait_status(run, "completed", 5)
    w.end(worker, signal.SIGTERM)


def routed_late(w):
    """what a router matched with one pass of a listener, and commits when the run listens elsewhere, is for the next pass"""
    recorder, statement = w.recorder(), (ROOT / "sql" / "queries" / "route_events.sql").read_text()
    hear = [{name: {"listen": {"to": {"one": {"with": {"type": "meet." + name}}}}}} for name in ("a", "b")]
    run = w.expect(0, "start", w.file("late", [{"both": {"fork": {"branches": [
        {"keep": post(recorder.url + "/hold/gate/keep")}, {"each": {"for": {"in": "${ [1, 2] }"}, "do": hear}}]}}}])).id

    def emit(name):
        w.sql("select stepwell.emit('{\"id\": \"%s\", \"source\": \"/m\", \"type\": \"meet.%s\"}')" % (name, name[0]))

    def route(name):
        """A session that has routed it as a worker does, and has not committed."""
        emit(name)
        return w.session("prepare route(text[], text[], text[], text[], text[], text[], text[]) as %s;\nbegin; select last from "
                         "stepwell.event_place for update; execute route('{/m}', '{%s}', '{}', '{}', '{}', '{}', '{}')"
                         % (statement, name))

    def listens(path):
        wait_for(lambda: w.sql("select path from stepwell.subscription").endswith(path), PATIENCE, "it listens at " + path)
    worker = w.worker("--heartbeat", "100ms", "--lease", "30s")
    listens("[0]/do/0/a")
    worker.send_signal(signal.SIGSTOP)
    route("a1")("commit")
    late = route("a2")
    worker.send_signal(signal.SIGCONT)
    listens("[0]/do/1/b")
    late("commit")
    beats(w, 3)
    emit("b1")
    listens("[1]/do/1/b")
    emit("b2")
    wait_for(lambda: w.sql("select count(*) from stepwell.subscription") == "0", PATIENCE, "both passes end")
    taken = w.sql("select string_agg(id, ' ' order by reference, place) from stepwell.taken join stepwell.event using (place)")
    check(taken == "a1 a2 b1 b2", "taken: %s", taken)
    recorder.release("gate")
    w.wait_status(run, "completed")
    w.end(worker, signal.SIGTERM)


def one_lease_is_held(w):
    """a transaction that holds the lease of one run that listens keeps no event from the others, nor from it when it ends"""
    both = ["a", "b"]
    for name in both:
        w.expect(0, "apply", w.file(name, [{"hear": {"listen": {"to": {"one": {"with": {"type": "meet." + name}}}}}}]))
    runs = {name: w.expect(0, "start", "cli/" + name).id for name in both}
    worker = w.worker(*QUICK)
    wait_for(lambda: w.sql("select count(*) from stepwell.lease where state = 'waiting'") == "2", PATIENCE, "they listen")
    holder = w.session("begin; select from stepwell.lease where run_id = '%s' for update" % runs["a"])
    for name in both:
        w.sql("select stepwell.emit('{\"id\": \"%s\", \"source\": \"/m\", \"type\": \"meet.%s\"}')" % (name, name))
    w.wait_status(runs["b"], "completed", 10)
    wait_for(lambda: w.sql("select count(*) from stepwell.event where not routed") == "0", 10, "all are routed")
    check(w.status(runs["a"]) == "waiting", "%s", w.status(runs["a"]))
    w.end(worker, signal.SIGKILL)  # who comes next wakes it
    worker = w.worker(*QUICK)
    beats(w, 3)
    holder("commit")
    w.wait_status(runs["a"], "completed", 10)
    check(w.sql("select count(*) from stepwell.missed") == "0", "what was made good is still there")
    w.end(worker, signal.SIGTERM)


def correlated_by_more(w):
    """a correlation that asks for the time, or for the run in whatever letters, has its event all the same"""
    froms = {"now": ".data.at < now", "place": "$__loc__.line > 0 and .data.at < 5e6", "zone": "(.data.at | localtime | length) < 9",
             "letters": ".data.at < (\\u0024workflow.input.n)", "key": "{now: .data.at} | .now < 2e6"}
    runs = {}
    for name, text in froms.items():
        path = w.file(name, [{"hear": {"listen": {"to": {"one": {"with": {"type": "meet.more"}, "correlate": {
            "past": {"from": "FROM", "expect": "${ true }"}}}}}}}])
        content = pathlib.Path(w.dir, path).read_text().replace("FROM", text.replace('"', '\\"'))
        runs[name] = w.expect(0, "start", w.text(name + ".json", content), "--input", '{"n": 2e6}').id
    w.work()
    shaped = w.sql("select count(*) from stepwell.subscription where shape is not null")
    check(shaped == "1", "%s are looked up by what the event alone gives", shaped)
    w.sql("select stepwell.emit('{\"id\": \"1\", \"source\": \"/m\", \"type\": \"meet.more\", \"data\": {\"at\": 1000000}}')")
    w.work()
    found = {name: w.status(run) for name, run in runs.items()}
    check(set(found.values()) == {"completed"}, "%s", found)


def refused_in_an_order(w):
    """what one pass refused, read before or after it was taken over, is there for the next one"""
    w.expect(0, "apply", w.file("each", [{"each": {"for": {"each": "n", "in": "${ [1, 2, 3] }"}, "do": [{"hear": {
        "listen": {"to": {"all": [{"with": {"type": "meet.n", "data": "${ . == $n }"}}, {"with": {"type": "meet.go"}}]}}}}]}}]))
    emit = ("select stepwell.emit(json_build_object('id', '%s', 'source', '/m', 'type', 'meet.%s', 'data', %s))")
    run = w.expect(0, "start", "cli/each").id
    for name, kind, n in (("n3", "n", 3), ("g1", "go", 1), ("g2", "go", 2), ("n2", "n", 2), ("g3", "go", 3),
                          ("n1", "n", 1)):
        w.sql(emit % (name, kind, n))
        w.work()  # and leaves memory
    w.wait_status(run, "completed", 5)
    got = w.sql("select string_agg(output::text, ' ' order by path) from stepwell.steps where run_id = '%s' and "
                "name = 'hear'" % run)
    check(got == "[1,1] [2,2] [3,3]", "the passes took %s", got)


def emitted_by_two(w):
    """an event that somebody else is emitting, in a transaction that stays open, holds up nobody but those that emit it"""
    w.expect(0, "apply", w.file("same", [{"tell": {"emit": {"event": {"with": {
        "id": "same", "source": "/m", "type": "meet.same", "data": "of the run"}}}}}]))
    w.expect(0, "apply", w.file("other", [{"s%d" % i: {"set": {"n": i}, "metadata": {"checkpoint": True}}} for i in range(3)]))
    somebody = w.session("begin; select stepwell.emit('{\"id\": \"same\", \"source\": \"/m\", \"type\": "
                         "\"meet.same\", \"data\": \"of somebody\"}')")
    worker = w.worker("--lease", "60s")
    runs = [w.expect(0, "start", "cli/same").id for _ in range(2)]  # one for each lane
    wait_for(lambda: int(w.sql("select count(*) from pg_locks where not granted")) > 0, PATIENCE, "they wait")
    w.sql("select stepwell.start('cli/other') from generate_series(1, 40)")
    left = "select count(*) from stepwell.runs where name = 'other' and status <> 'completed'"
    wait_for(lambda: w.sql(left) == "0", 8, "the others have ended")
    check([w.status(run) for run in runs] == ["running"] * 2, "the runs are %s", [w.status(run) for run in runs])
    somebody("commit")
    for run in runs:
        w.wait_status(run, "completed", 10)
    kept = w.sql("select event::json ->> 'data' from stepwell.event where type = 'meet.same'")
    check(kept == "of somebody", "the event is %s", kept)
    w.end(worker, signal.SIGTERM)


def child_beside_a_long_step(w):
    """the end of a child is noticed while another branch of the fork keeps the run in memory"""
    recorder = w.recorder()
    w.expect(0, "apply", w.file("kid", [{"nap": post(recorder.url + "/hold/kid/k")}]))
    w.expect(0, "apply", w.file("sleeper", [{"nap": {"wait": {"days": 1}}}]))
    path = w.file("parent", [{"both": {"fork": {"branches": [
        {"more": {"do": [{"other": child("sleeper")}]}},
        {"kin": {"do": [{"kid": child("kid")}, {"after": post(recorder.url + "/dedupe/after")}]}},
        {"long": {"do": [{"step": post(recorder.url + "/hold/gate/long")}]}}]}}}])
    run = w.expect(0, "start", path).id
    w.worker(*QUICK)
    recorder.wait("/hold/kid", 1)
    recorder.wait("/hold/gate", 1)
    looks = "select count(*) from stepwell.journal where run_id = '%s' and path like '%%/other'" % run
    before = w.sql(looks)
    recorder.release("kid")
    recorder.wait("/dedupe/after", 1)
    beats(w, 10)  # the child that waits is looked at when another ends, not with each of them
    check(int(w.sql(looks)) <= int(before) + 6, "%s entries of a child that waits, %s before", w.sql(looks), before)
    recorder.release("gate")
    w.expect(0, "cancel", run)
    w.wait_status(run, "cancelled")


def children_left_behind(w):
    """a timeout cancels the children below it: of a loop, of a function, of several branches at once"""
    w.expect(0, "apply", w.file("sleeper", [{"nap": {"wait": {"days": 1}}}]))
    short = {"timeout": {"after": {"seconds": 2}}}
    caught = {"catch": {"do": [{"note": {"set": {"a": 1}}}]}}
    loop = {"for": {"in": "${ [1] }"}, "do": [{"kid": child("sleeper")}], **short}
    called = {"call": "start", **short}
    branches = [{name: {"try": [{"kid": child("sleeper", **short)}], **caught}} for name in ("one", "two", "three")]
    path = w.file("leaver", [{"a": {"try": [{"loop": loop}], **caught}}, {"b": {"try": [{"call": called}], **caught}},
                             {"c": {"fork": {"branches": branches}}}, {"d": {"wait": {"milliseconds": 100}}}],
                  use={"functions": {"start": {"do": [{"kid": child("sleeper")}]}}})
    run = w.expect(0, "start", path).id
    worker = w.worker(*QUICK)
    w.wait_status(run, "completed")
    ends = "select string_agg(status, ' ') from stepwell.runs where parent_run_id = '%s'" % run
    wait_for(lambda: w.sql(ends) == " ".join(5 * ["cancelled"]), 10, "all children are cancelled")
    w.end(worker, signal.SIGTERM)


def context_of_a_request(w):
    """what another branch exports between two attempts changes no request, also by force or after a restart"""
    recorder = w.recorder()
    call = {"call": "http", "with": {"method": "post", "endpoint": recorder.url + "/status/503/times/6/c",
                                     "body": {"n": "${ $context.n }"}}, "metadata": {"retryPolicy": "r"}}
    path = w.file("moves", [{"i": {"set": {"n": 1}, "export": {"as": "."}}}, {"f": {"fork": {"branches": [
        {"a": call}, {"b": {"do": [{"p": post(recorder.url + "/hold/gate/p")},
                                   {"x": {"set": {"n": 2}, "export": {"as": "."}}}]}}]}}}],
                  use={"retries": {"r": {"delay": {"milliseconds": 2100}, "limit": {"attempt": {"count": 1}}}}})
    run = w.expect(0, "start", path).id
    worker = w.worker(*QUICK)
    recorder.wait("/hold", 1)
    recorder.wait("/status", 1)
    recorder.release("gate")
    for order in ((), ("--force",), ("--new-id",)):
        wait_for(lambda: w.status(run) in ("waiting", "faulted"), PATIENCE, "the first attempt fails")
        w.end(worker, signal.SIGTERM)
        worker = w.worker(*QUICK)
        w.wait_status(run, "faulted")
        w.expect(0, "retry", run, *order)
    w.wait_status(run, "completed")
    sent = [record["sha256"] for record in recorder.records("/status")]
    check(len(sent) == 7 and len(set(sent[:6])) == 1 and sent[6] != sent[0], "%s", sent)  # a new id: the new context
    w.end(worker, signal.SIGTERM)


def cancel_of_the_unreadable(w):
    """a run whose journal cannot be replayed can be cancelled"""
    run = w.expect(0, "start", w.file("odd", [{"a": {"wait": {"days": 1}}}])).id
    w.work()
    w.sql("update stepwell.entry set data = replace(data, '/do/0/a', '/do/7/z') where run_id = '%s'" % run)
    w.sql("update stepwell.lease set due = clock_timestamp()")
    w.work()
    w.wait_status(run, "suspended")
    w.expect(0, "cancel", run)
    w.work()
    w.wait_status(run, "cancelled", 10)


def many_children(w):
    """children that end one after the other cost their parent operations in proportion, also over two workers"""
    count = 40
    w.expect(0, "apply", w.file("kid", [{"nap": {"wait": "${ {milliseconds: .ms} }"}}]))
    branches = [{"b%d" % i: {"run": {"workflow": {"namespace": "cli", "name": "kid", "version": "1.0.0",
                                                  "input": {"ms": 50 + i * 40}}}}} for i in range(count)]
    branches.append({"ear": {"listen": {"to": {"one": {"with": {"type": "meet.over"}}}}}})
    run = w.expect(0, "start", w.file("parent", [{"all": {"fork": {"branches": branches}}}])).id
    workers = [w.worker("--heartbeat", "200ms", "--lease", "10s") for _ in range(2)]
    wait_for(lambda: int(w.sql("select count(*) from stepwell.run where parent_run_id = '%s' and status = 'completed' "
                               "and untold is null" % run)) > count / 2, PATIENCE,
             "ends that were taken are told no more")  # but for the last look's
    w.sql("select stepwell.emit('{\"id\": \"1\", \"source\": \"/m\", \"type\": \"meet.over\"}')")
    w.wait_status(run, "completed")
    for worker in workers:
        w.end(worker, signal.SIGTERM)
    looks = int(w.sql("select count(*) from stepwell.operation where run_id = '%s' and op = 'started' and path like "
                      "'%%/branches/%%'" % run))
    check(looks <= 5 * count, "%s looks at %s children", looks, count)  # two each, more where workers change; 1,600 if each look asked for all


def retry_beside_a_child(w):
    """a child that was cancelled since another branch failed goes on with its parent, and repeats nothing"""
    recorder = w.recorder()
    w.sql("create table knob (n int); insert into knob values (0)")
    w.expect(0, "apply", w.file("deep", [{"one": post(recorder.url + "/dedupe/deep")}, {"nap": {"wait": {"seconds": 3}}},
                                         {"two": post(recorder.url + "/dedupe/below")}]))
    w.expect(0, "apply", w.file("kid", [{"first": post(recorder.url + "/dedupe/first")}, {"more": child("deep")},
                                        {"last": post(recorder.url + "/dedupe/last")}]))
    bad = {"call": "sql", "with": {"statement": "select 1 / (select n from knob)"}}
    path = w.file("parent", [{"both": {"fork": {"branches": [
        {"bad": {"do": [{"nap": {"wait": {"milliseconds": 1500}}}, {"divide": bad}]}}, {"kid": child("kid")}]}}}])
    run = w.expect(0, "start", path).id
    worker = w.worker("--allow-sql", *QUICK)
    recorder.wait("/dedupe/deep", 1)
    w.wait_status(run, "faulted")
    below = "select string_agg(status, ' ') from stepwell.runs where parent_run_id is not null"
    wait_for(lambda: w.sql(below) == "cancelled cancelled", PATIENCE, "the children are cancelled")
    ids = w.sql("select string_agg(id::text, ' ' order by id) from stepwell.runs")
    w.expect(0, "retry", run, "--dry-run", out="continue /do/0/both/fork/branches/1/kid")
    w.sql("update knob set n = 1")
    w.expect(0, "retry", run)
    w.wait_status(run, "completed")
    check(w.sql(below) == "completed completed", "the children: %s", w.sql(below))
    check(w.sql("select string_agg(id::text, ' ' order by id) from stepwell.runs") == ids, "other children were started")
    for name in ("first", "deep", "below", "last"):
        sent = len(recorder.records("/dedupe/" + name))
        check(sent == 1, "%s was sent %d times", name, sent)
    w.end(worker, signal.SIGTERM)


def cancelled_by_an_operator(w):
    """a child that an operator cancelled stays cancelled, whatever its parent does"""
    w.expect(0, "apply", w.file("kid", [{"nap": {"wait": {"days": 1}}}]))
    retry = {"catch": {"retry": {"delay": {"milliseconds": 100}, "limit": {"attempt": {"count": 2}}}}}
    run = w.expect(0, "start", w.file("parent", [{"t": {"try": [{"kid": child("kid")}], **retry}}])).id
    worker = w.worker(*QUICK)
    kid = "select id from stepwell.runs where parent_run_id = '%s'" % run
    wait_for(lambda: w.sql(kid), PATIENCE, "the child is there")
    w.expect(0, "cancel", w.sql(kid))
    w.wait_status(run, "faulted")
    check(w.status(w.sql(kid)) == "cancelled", "the child is %s", w.status(w.sql(kid)))
    w.end(worker, signal.SIGTERM)


HOLD_STARTS = """
create table gate (open boolean);
create function hold_start() returns trigger language plpgsql as $$
begin
    while not exists (select from public.gate) loop perform pg_catalog.pg_sleep(0.01); end loop;
    return new;
end $$;
create trigger hold_start before update of parent_run_id on stepwell.run for each row execute function hold_start()"""


def started_while_left(w):
    """a child that is being started when its parent's time is over, or another branch wins or fails, is cancelled"""
    recorder = w.recorder()
    w.expect(0, "apply", w.file("sleeper", [{"nap": {"wait": {"days": 1}}}]))
    late = {"try": [{"kid": child("sleeper", timeout={"after": {"milliseconds": 250}})}],
            "catch": {"do": [{"note": {"set": {"a": 1}}}]}}
    lost = {"fork": {"compete": True, "branches": [{"kid": {"do": [{"go": child("sleeper")}]}},
                                                   {"quick": {"wait": {"milliseconds": 250}}}]}}
    fails = {"do": [{"pause": {"wait": {"milliseconds": 250}}},
                    {"fail": {"raise": {"error": {"type": "https://example.com/no", "status": 409}}}}]}
    failed = {"try": [{"both": {"fork": {"branches": [{"kid": {"do": [{"go": child("sleeper")}]}}, {"other": fails}]}}}],
              "catch": {}}
    path = w.file("leaver", [{"one": post(recorder.url + "/hold/one/g")}, {"late": late},
                             {"two": post(recorder.url + "/hold/two/g")}, {"lost": lost},
                             {"three": post(recorder.url + "/hold/three/g")}, {"failed": failed},
                             {"stay": {"wait": {"days": 1}}}])
    run = w.expect(0, "start", path).id
    w.worker("--heartbeat", "1s", "--lease", "20s")
    w.sql(HOLD_STARTS)
    over = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query like '%%set recalled%%') " \
           "or exists (select from stepwell.operation where run_id = '%s' and %s)"
    for gate, done in (("one", "op = 'caught'"), ("two", "op = 'cancelled'"),
                       ("three", "op = 'caught' and path like '/do/5/%%'")):
        recorder.wait("/hold/" + gate, 1)
        w.sql("delete from gate")
        recorder.release(gate)
        wait_for(lambda: w.sql(over % (run, done)) == "t", PATIENCE, "it is over while the child is being started")
        w.sql("insert into gate values (true)")
    steps = "select count(*) from stepwell.steps where run_id = '%s' and name = 'stay'" % run
    wait_for(lambda: w.sql(steps) == "1", PATIENCE, "the parent goes on")
    ends = "select string_agg(coalesce(status, 'open'), ' ') from stepwell.run where parent_run_id = '%s'" % run
    wait_for(lambda: w.sql(ends) in ("cancelled", "cancelled cancelled", "cancelled cancelled cancelled"),
             PATIENCE, "no child is left behind")
    # A start that was announced before the branch was left, and comes later still, does nothing.
    void = "select void, created from stepwell.run_child('%s', '/do/3/lost/fork/branches/0/kid/do/0/go', " \
           "stepwell.new_id(), 'cli/sleeper', 'null', true, 1, (select owner from stepwell.lease where run_id = '%s'), " \
           "false, 3)" % (run, run)
    w.sql("update stepwell.lease set owner = (select id from stepwell.worker limit 1) where run_id = '%s'" % run)
    check(w.sql(void) == "t|f", "a start from before: %s", w.sql(void))


def child_without_triggers(w):
    """a parent is told of its child's end where the database's sessions fire no triggers"""
    w.expect(0, "apply", w.file("quiet", [{"c": {"wait": {"milliseconds": 300}}}]))
    change = "do $$ begin execute format('alter database %%I %s', current_database()); end $$"
    w.sql(change % "set session_replication_role = replica")
    worker = w.worker(*QUICK)
    run = w.expect(0, "start", w.file("parent", [{"p": child("quiet")}])).id
    w.wait_status(run, "completed", 10)
    w.end(worker, signal.SIGTERM)
    w.sql(change % "reset session_replication_role")


def failed_beside_a_hold(w):
    """what may have taken effect stays held when another branch fails, whoever handles that: nothing is left behind
    or sent again before a person has said what became of it, and the error is handled then"""
    recorder = w.recorder()
    again = {"retry": {"limit": {"attempt": {"count": 1}}}}
    told = {"do": [{"told": {"set": {"z": "${ $e.status }"}}}]}
    cases = {"do": ("x", told), "pass": ("x", again), "retry": ("x", told), "two": ("xw", told)}
    runs = {}
    for name, (held, handled) in cases.items():
        def url(step):
            return recorder.url + "/dedupe/%s/%s" % (name, step)
        recorder.answer({"/dedupe/%s/%s" % (name, step): [{"status": 200, "body": 1, "hold": "never"},
                                                          {"status": 200, "body": 2}] for step in held})
        recorder.answer({"/dedupe/%s/y" % name: [{"status": 503, "body": {}, "hold": "gate"},
                                                 {"status": 200, "body": 7}]})
        branches = [{step: post(url(step), timeout={"after": {"seconds": 1}}, metadata={"onUncertain": "hold"})}
                    for step in held] + [{"y": post(url("y"))}]
        runs[name] = w.expect(0, "start", w.file(name, [{"guard": {
            "try": [{"both": {"fork": {"branches": branches}}}], "catch": {"as": "e", **handled},
            "metadata": {"retry": "block"}}}])).id
    worker = w.worker(*QUICK)
    what = "select count(*) from stepwell.steps where status = 'suspended'"
    wait_for(lambda: w.sql(what) == "5", PATIENCE, "the steps are held")
    recorder.release("gate")
    for name, run in runs.items():
        w.wait_status(run, "suspended")
        w.fails(5, "is held", "resume", run)
        check(len(recorder.records("/dedupe/%s/x" % name)) == 1, "%s: it was sent again", name)
    w.expect(0, "retry", runs["retry"])
    for name in ("do", "pass"):
        w.expect(0, "resume", runs[name], "--answer", "1")
    w.expect(0, "resume", runs["two"], "--step", "w", "--answer", "1")
    left = "select string_agg(name || ' ' || status, ', ' order by name) from stepwell.steps where run_id = '%s' " \
           "and name in ('w', 'x')" % runs["two"]
    wait_for(lambda: w.sql(left) == "w completed, x suspended", PATIENCE, "the other one stays held")
    w.wait_status(runs["two"], "suspended")
    w.expect(0, "resume", runs["two"], "--answer", "1")
    for name, output, sent in (("do", '{"z": 503}', 1), ("two", '{"z": 503}', 1), ("pass", "[2, 7]", 2),
                               ("retry", "[2, 7]", 2)):
        w.wait_status(runs[name], "completed")
        found = w.sql("select output::jsonb from stepwell.runs where id = '%s'" % runs[name])
        check(found == output, "%s gave %s", name, found)
        keys = [record["key"] for record in recorder.records("/dedupe/%s/x" % name)]
        check(len(keys) == sent, "%s: x was sent %d times", name, len(keys))
        check(len(set(keys)) == (2 if name == "pass" else 1), "%s: keys of x: %s", name, keys)
    w.end(worker, signal.SIGTERM)


def failed_beside_an_effect(w):
    """what may have taken effect and is not to be repeated is not cut off by another branch's error: that waits for the
    answer, or for a person, and is handled then; one that is handled in its own branch does not wait"""
    recorder = w.recorder()
    again = {"retry": {"limit": {"attempt": {"count": 1}}}}
    told = {"do": [{"told": {"set": {"z": "${ $e.status }"}}}]}
    cases = {"told": told, "again": again, "loop": {**told, "then": "guard"}, "refused": told, "late": again,
             "lost": again, "nobody": {"when": "${ false }"}, "own": told}
    runs = {}
    for name, handled in cases.items():
        def url(step):
            return recorder.url + "/dedupe/%s/%s" % (name, step)
        x = {"status": 402 if name == "refused" else 200, "body": 1, "hold": "never" if name in ("late", "lost") else "gate"}
        recorder.answer({"/dedupe/%s/x" % name: [x, {"status": 200, "body": 2}],
                         "/dedupe/%s/y" % name: [{"status": 503, "body": {}, "hold": "first"},
                                                 {"status": 200, "body": 7}]})
        more = {"timeout": {"after": {"seconds": 3}}} if name == "late" else {}
        y = {"y": post(url("y"))}
        runs[name] = w.expect(0, "start", w.file(name, [{"guard": {"try": [{"both": {"fork": {"branches": [
            {"x": post(url("x"), metadata={"onUncertain": "hold"}, **more)},
            {"own": {"try": [y], "catch": {"as": "e", **told}}} if name == "own" else y]}}}],
            "catch": {"as": "e", **handled}, "metadata": {"retry": "block"}}}])).id
    worker = w.worker(*QUICK)
    recorder.wait("/dedupe", 2 * len(runs))
    recorder.release("first")
    steps = "select coalesce(string_agg(status || case when uncertain then '?' else '' end, ' ' order by place), '') " \
            "from stepwell.steps where run_id = '%s' and name = '%s'"
    for name, run in runs.items():
        wait_for(lambda: w.sql(steps % (run, "y")) == "faulted", PATIENCE, "%s: the error is there" % name)
    wait_for(lambda: w.sql(steps % (runs["own"], "told")) == "completed", PATIENCE, "its own branch handles it")
    beats(w, 3)
    for name, run in runs.items():
        if name != "late":
            check(w.sql(steps % (run, "x")) == "running", "%s: x is %s", name, w.sql(steps % (run, "x")))
    recorder.release("gate")
    ends = {"told": ('{"z": 503}', "completed", 1), "again": ("[2, 7]", "completed completed", 2),
            "loop": ("[2, 7]", "completed completed", 2), "refused": ('{"z": 503}', "cancelled", 1),
            "own": ('[1, {"z": 503}]', "completed", 1), "nobody": ("", "completed", 1),
            "late": ("[2, 7]", "completed? completed", 2), "lost": ("[2, 7]", "completed? completed", 2)}

    def ended(names):
        for name in names:
            run, (output, x, sent) = runs[name], ends[name]
            w.wait_status(run, "faulted" if name == "nobody" else "completed")
            found = w.sql("select output::jsonb from stepwell.runs where id = '%s'" % run)
            check(found == output, "%s gave %s", name, found)
            check(w.sql(steps % (run, "x")) == x, "%s: x is %s", name, w.sql(steps % (run, "x")))
            check(len(recorder.records("/dedupe/%s/x" % name)) == sent, "%s: %s", name, recorder.counts())
    ended(name for name in runs if name not in ("late", "lost"))
    w.end(worker, signal.SIGKILL)
    worker = w.worker(*QUICK)
    for name in ("late", "lost"):
        w.wait_status(runs[name], "suspended")
        check(w.sql(steps % (runs[name], "x")) == "suspended?", "%s: x is %s", name, w.sql(steps % (runs[name], "x")))
        check(len(recorder.records("/dedupe/%s/x" % name)) == 1, "%s: it was sent again", name)
        w.expect(0, "resume", runs[name], "--answer", "1")
    ended(("late", "lost"))
    w.end(worker, signal.SIGTERM)


def cut_off_by_another(w):
    """what another branch cut off by being first may have taken effect: the next step of that task is for a person,
    whatever leads to it, also where a child went on below it"""
    recorder = w.recorder()
    hold = {"metadata": {"onUncertain": "hold"}}
    w.expect(0, "apply", w.file("below", [{"c": post(recorder.url + "/dedupe/child/x", **hold)}]))
    runs = {}
    for name in ("pass", "loop", "times", "child"):
        x = {"x": child("below", **hold) if name == "child" else post("%s/dedupe/%s/x" % (recorder.url, name), **hold)}
        recorder.answer({"/dedupe/%s/x" % name: [{"hold": "never"}],
                         "/dedupe/%s/y" % name: [{"hold": "gate"}, {"hold": "never"}]})
        race = {"race": {"fork": {"compete": True, "branches": [
            x, {"y": post("%s/dedupe/%s/y" % (recorder.url, name))}]}}}
        again = {"again": {"if": "${ $context.n != 1 }", "set": {"n": 1}, "export": {"as": "."}, "then": "race"}}
        refuse = {"refuse": {"raise": {"error": {"type": "https://example.com/e", "status": 500}}}}
        tasks = {"pass": [{"guard": {"try": [race, refuse],
                            "catch": {"retry": {"limit": {"attempt": {"count": 1}}}}}}],
                 "times": [{"each": {"for": {"in": "${ [1, 2] }"}, "do": [race]}}]}.get(name, [race, again])
        runs[name] = w.expect(0, "start", w.file(name, tasks)).id
    worker = w.worker(*QUICK)
    recorder.wait("/dedupe", 2 * len(runs))
    recorder.release("gate")
    what = "select string_agg(status || case when uncertain then '?' else '' end, ' ' order by place) " \
           "from stepwell.steps where run_id = '%s' and name = '%s'"
    for name, run in runs.items():
        wait_for(lambda: w.sql(what % (run, "x")) == "cancelled? suspended", PATIENCE, "%s: it is asked for" % name)
        check(len(recorder.records("/dedupe/%s/x" % name)) == 1, "%s: it was sent again", name)
    w.end(worker, signal.SIGKILL)
    worker = w.worker(*QUICK)  # it reads the journal, and knows as much
    for name, run in runs.items():
        w.wait_status(run, "suspended")
        w.expect(0, "resume", run, "--answer", "5")
        w.wait_status(run, "faulted" if name == "pass" else "completed")
    w.end(worker, signal.SIGTERM)


def ordered_before_the_start(w):
    """what is ordered of a run before its time does not begin it, and it begins at its time"""
    due = "select extract(epoch from due)::numeric from stepwell.lease where run_id = '%s'"
    path = w.file("later", [{"a": {"set": {"x": 1}}}])
    worker = w.worker(*QUICK)
    for again in ("resume", "retry"):
        run = w.expect(0, "start", "--delay", "1h", path).id
        before = w.sql(due % run)
        for _ in range(2):
            w.expect(0, "suspend", run)
            w.wait_status(run, "suspended")
            w.expect(0, again, run)
        beats(w, 5)
        check(w.status(run) == "pending", "it is %s", w.status(run))
        check(w.sql(due % run) == before, "its time: %s, not %s", w.sql(due % run), before)
        w.sql("update stepwell.lease set due = clock_timestamp() where run_id = '%s'" % run)
        w.wait_status(run, "completed")
    for words in (("suspend", "cancel"), ("cancel",)):
        run = w.expect(0, "start", "--delay", "1h", path).id
        for word in words:
            w.expect(0, word, run)
            w.wait_status(run, "suspended" if word == "suspend" else "cancelled")
        steps = w.sql("select count(*) from stepwell.steps where run_id = '%s'" % run)
        check(steps == "0", "%s began %s steps", words, steps)
    w.end(worker, signal.SIGTERM)
    # One that nobody takes, and whose time has come meanwhile.
    run = w.expect(0, "start", "--delay", "1s", path).id
    w.expect(0, "suspend", run)
    wait_for(lambda: w.sql("select clock_timestamp() > created_at + interval '1 second' from stepwell.run "
                           "where id = '%s'" % run) == "t", PATIENCE, "its time comes")
    w.expect(0, "resume", run)
    w.work()
    check(w.status(run) == "completed", "it is %s", w.status(run))


if __name__ == "__main__":
    main([failed_beside_an_effect, cut_off_by_another, failed_beside_a_hold, ordered_before_the_start, suspended_fork, lost_and_late, held_and_late, late_while_held, drained_and_late, many_events, routed_unseen, routed_late, one_lease_is_held,
          correlated_by_more, refused_in_an_order, emitted_by_two, child_beside_a_long_step, children_left_behind,
          context_of_a_request, cancel_of_the_unreadable, many_children, retry_beside_a_child,
          cancelled_by_an_operator, started_while_left, child_without_triggers])
