"""What anybody may send holds no worker's loop (row 70): definitions, answers, events. A worker that logs at the level `debug`
tells how much of the processor each turn of its loop took; it is told by turns of 10 ms and more."""
import contextlib
import http.server
import itertools
import json
import re
import string
import threading

from catalogue import case
from harness import check, check_landed
from judges import journal_is_whole

LONGEST = 20  # ms
TURN = re.compile(r"a turn of the loop took (\d+) ms of the processor")
ONE = {"set": {"a": 1}}


def header_lines(count):
    names = itertools.islice(itertools.product(string.ascii_lowercase, repeat=3), count)
    return b"".join(b"%s:\r\n" % "".join(name).encode() for name in names)


# Header lines and body of answers.
ANSWERS = {
    "headers": (header_lines(12800), b"{}"), "most-headers": (header_lines(190), b"{}"),
    "folded": (b"X: a\r\n" + b" a\r\n" * 15000, b"{}"), "long": (b"".join(b"X-%d: %s\r\n" % (i, b"v" * 300) for i in range(190)), b"{}"),
    "deep": (b"", b"[" * 400000 + b"]" * 400000), "wide": (b"", b"[" + b"1," * 500000 + b"1]"),
    "members": (b"", b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(60000)) + b"}"),
    "twice": (b"", b"{" + b'"k":1,' * 100000 + b'"k":1}'), "escapes": (b"", b'"' + b"\\u00e9" * 160000 + b'"'),
    "text": (b"Content-Type: text/plain; charset=utf-16\r\n", b"\x00a" * 500000), "bytes": (b"", bytes(range(128, 256)) * 8000)}

# Texts that a regular expression of a filter runs away on.
TEXTS = ["a" * 3000, "a" * 60 + "!", "x" * 60, "ab" * 20000, "a" * 200000]
FILTER = {"type": "bomb", "data": {"text": "(a+)+b|(x+x+)+y|(a|b|ab)*c|(.*)*d"}}


class Bombs(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        head, body = ANSWERS[self.path[1:]]
        with contextlib.suppress(ConnectionError):  # whoever has seen enough hangs up
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n" % (len(body), head))
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_):
        pass


def definitions(count):
    """name -> (tasks, the rest); each is registered."""
    description = {"openapi": "3.0.0", "servers": [{"url": "http://127.0.0.1:1"}], "paths": dict(
        {"/p%d" % i: {"$ref": "#/paths/~1p%d" % (i + 1)} for i in range(3000)}, **{"/p3000": {"get": {"operationId": "op"}}})}
    defs = dict({"d%d" % i: {"$ref": "#/$defs/d%d" % (i + 1)} for i in range(count)}, **{"d%d" % count: True})
    last = [{"last": {"set": {"b": 2}}}]
    return {
        "then": ([{"t%d" % i: dict(ONE, then="t%d" % (i + 1))} for i in range(count)] + [{"t%d" % count: ONE}], {}),
        "retry": ([{"t%d" % i: {"try": [{"a": ONE}], "catch": {"retry": "r%d" % i}}} for i in range(count // 2)],
                  {"use": {"retries": {"r%d" % i: {"delay": "PT1S"} for i in range(count // 2)}}}),
        "call": ([{"t%d" % i: {"call": "f%d" % i}} for i in range(count // 2)],
                 {"use": {"functions": {"f%d" % i: ONE for i in range(count // 2)}}}),
        "refs": (last, {"input": {"schema": {"document": {"$defs": defs, "$ref": "#/$defs/d0"}}}}),
        "pattern": ([{"a": {"set": "${ . }", "output": {"schema": {"document": {"properties": {
            "text": {"pattern": "^(a+)+$|^(x+x+)+y$"}}}}}}}], {}),
        "openapi": ([{"a": {"try": [{"b": {"call": "openapi", "with": {"document": {"endpoint": "description"}, "operationId": "op"}}}],
                            "catch": {}}}], {"description": description}),
    }


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


@case(70, alone=True)
def bombs(world):
    """Each by itself to an idle worker: no turn of its loop takes over 20 ms of the processor."""
    db, found = world.db, {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bombs)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for output in ("content", "response"):
        db.apply(output, [{"a": {"try": [{"b": {"call": "http", "with": {
            "method": "get", "endpoint": "${ .url }", "output": output}, "output": {"as": "${ 1 }"}}}], "catch": {}}}])
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
    most, name = max((most, name) for name, most in found.items())
    world.checked(len(found))
    world.figure("longest turn ms", most)
    world.note("longest turn %d ms: %s", most, name)
    limit = LONGEST * (10 if world.sanitized else 1)
    check(most <= limit, "I10: the loop was held: %s", {n: ms for n, ms in sorted(found.items()) if ms > limit})
