"""What anybody may send holds no worker's loop (row 70): definitions, answers, events. A worker that logs at the level `debug`
tells how much of the processor each turn of its loop took; it is told by turns of 10 ms and more."""
import contextlib
import http.server
import itertools
import json
import re
import threading
import time

import bombs as catalogue
from bombs import ANSWERS, FILTER, MORE_ANSWERS, TEXTS, definitions
from catalogue import case
from harness import check, check_landed
from judges import journal_is_whole

LONGEST = 20  # ms
TURN = re.compile(r"a turn of the loop took (\d+) ms of the processor")
ALL_ANSWERS = dict(ANSWERS, **MORE_ANSWERS)


class Bombs(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        head, body = ALL_ANSWERS[self.path[1:]]
        if b"chunked" not in head:
            head = b"Content-Length: %d\r\n%s" % (len(body), head)
        with contextlib.suppress(ConnectionError):  # whoever has seen enough hangs up
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n%s\r\n" % head)
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_):
        pass


def register(db, name, tasks, more):
    description = more.pop("description", None)
    if description:
        path = "%s/%s.description.json" % (db.cluster.dir, db.name)
        with open(path, "w") as out:
            json.dump(description, out)
        tasks = json.loads(json.dumps(tasks).replace('"description"', json.dumps("file://" + path)))
    db.apply(name, tasks, **more)


def turns(worker):
    return [int(n) for n in TURN.findall(worker.output())]


def measured(world, worker, name, throw, found):
    """Throws one bomb; the longest turn that it made."""
    before = len(turns(worker))
    world.plan("%s", name)
    throw()
    world.db.wait_idle(60)
    world.inject()
    world.land()
    found[name] = max(turns(worker)[before:], default=0)


def throw_events(db):
    events = json.dumps([{"id": "e%d" % i, "source": "s", "type": "bomb", "data": {"text": text}}
                         for i, text in enumerate(TEXTS * 4 + ["ab" * 5 + "c"])])
    db.psql("select stepwell.emit(e) from json_array_elements($events$%s$events$) e" % events)


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bombs)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def apply_senders(db):
    for output in ("content", "response"):
        db.apply(output, [{"a": {"try": [{"b": {"call": "http", "with": {
            "method": "get", "endpoint": "${ .url }", "output": output}, "output": {"as": "${ 1 }"}}}], "catch": {}}}])


def judge_turns(world, found):
    most, name = max((most, name) for name, most in found.items())
    world.checked(len(found))
    world.figure("longest turn ms", most)
    world.note("longest turn %d ms: %s", most, name)
    limit = LONGEST * (10 if world.sanitized else 1)
    check(most <= limit, "I10: the loop was held: %s", {n: ms for n, ms in sorted(found.items()) if ms > limit})


@case(70, alone=True)
def bombs(world):
    """Each by itself to an idle worker: no turn of its loop takes over 20 ms of the processor."""
    db, found = world.db, {}
    server = serve()
    apply_senders(db)
    db.apply("listener", [{"l": {"listen": {"to": {"one": {"with": FILTER}}}}}])
    for name, (tasks, more) in definitions(world.size(500, 2000, 2000)).items():
        register(db, name, tasks, more)
    worker = world.worker("--poll", "100ms", "--log-level", "debug")
    worker.wait_ready()
    for output, answer in itertools.product(("content", "response"), ANSWERS):
        url = "http://127.0.0.1:%d/%s" % (server.server_port, answer)
        measured(world, worker, "%s as %s" % (answer, output), lambda: db.start_with(output, [{"url": url}]), found)
    for name in definitions(1):
        measured(world, worker, "definition " + name, lambda: db.start_with(name, [{"text": "a" * 50 + "!"}]), found)

    def events():
        db.start("listener", 1)
        throw_events(db)
    measured(world, worker, "events", events, found)
    server.shutdown()
    journal_is_whole(db)
    world.check_workers()
    check_landed("does not take the event" in worker.output(), "no event was costly")
    judge_turns(world, found)


def start_text(db, name, text):
    db.psql("select stepwell.start('crash/%s', $inputs$%s$inputs$::json)" % (name, text))


def loops(world, worker, found):
    """A `then` that leads back, for a second, and then a cancel."""
    db = world.db
    db.apply("loop", [{"a": {"set": {"n": 1}}}, {"b": {"set": {"n": 2}, "then": "a"}}])

    def throw():
        run = db.start("loop", 1)[0]
        time.sleep(1)
        db.cli("cancel", run, expect=0)
    measured(world, worker, "loop", throw, found)


def listeners(world, worker, count, found):
    """So many, each with a filter of its own and one that a correlation tells apart."""
    db = world.db
    db.apply("filters", [{"l": {"listen": {"to": {"any": [{"with": dict(FILTER, subject="${ .n | tostring }")}, {
        "with": {"type": "bomb"}, "correlate": {"key": {"from": ".data.key", "expect": "${ .key }"}}}]}}}}])

    def throw():
        runs = db.start("filters", count)
        db.psql("select stepwell.emit(e) from json_array_elements($events$[%s]$events$) e" % ",".join(catalogue.events(world.size(500, 2000, 10000))))
        time.sleep(2)
        db.cli("cancel", *runs)
    measured(world, worker, "%d listeners" % count, throw, found)


@case(70, alone=True)
def more_bombs(world):
    """What costs in other ways: schemas, numbers, names, shapes of definitions, bodies in parts, loops, listeners."""
    db, found = world.db, {}
    count = world.size(400, 2000, 10000)
    server = serve()
    apply_senders(db)
    thrown = dict(catalogue.schemas(), **catalogue.shapes(count))
    if world.size(True, False, False):
        thrown = {name: thrown[name] for name in ["templates"] + world.random.sample(sorted(thrown), 3)}
    for name, (tasks, _) in list(thrown.items()):
        path = db.write(name, tasks)
        code, _, said = db.cli("apply", path)
        check(code in (0, 2, 3, 6), "I8: apply of %s: exit %d: %s", name, code, said[:500])
        if code:
            world.note("%s is refused", name)
            del thrown[name]
    worker = world.worker("--poll", "100ms", "--log-level", "debug")
    worker.wait_ready()
    for name, (_, text) in thrown.items():
        measured(world, worker, name, lambda: start_text(db, name, text), found)
    answers = sorted(MORE_ANSWERS) if world.size(False, True, True) else world.random.sample(sorted(MORE_ANSWERS), 3)
    for output, answer in itertools.product(("content", "response"), answers):
        url = "http://127.0.0.1:%d/%s" % (server.server_port, answer)
        measured(world, worker, "%s as %s" % (answer, output), lambda: db.start_with(output, [{"url": url}]), found)
    loops(world, worker, found)
    listeners(world, worker, world.size(20, 100, 100), found)
    server.shutdown()
    journal_is_whole(db)
    world.check_workers()
    judge_turns(world, found)
