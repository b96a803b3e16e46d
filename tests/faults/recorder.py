#!/usr/bin/env python3
"""The effect recorder: an HTTP endpoint on loopback that writes down every request it gets, in an
append-only log, and misbehaves on demand. It is the only judge of what happened outside.

    recorder.py [--port N] [--port-file FILE] [--log FILE] [--fsync] [--bodies] [--delay MS]
                [--until-eof]

The first path segment chooses the mode (or ?mode=NAME); what follows it only tells requests apart.
Any other path is /dedupe. "First N" counts requests of one target (path and query).

    /dedupe/...             applied once per key; replays its first answer; 422 if the body differs
    /nodedupe/...           applied each time
    /drop_after_apply/...   applied (once per key), then the connection is cut: ?count=N (first N,
                            default 1) or ?p=0.3; after that like /dedupe
    /drop_before_apply/...  the same, but nothing is applied when it is cut
    /late/...               applied (once per key); the first N (?count=N) are never answered
    /apply_then_409/...     the first request of a key is applied and cut; later ones get 409
    /delay/MS/...           like /dedupe, answers MS milliseconds later (every mode: ?delay=MS)
    /hold/NAME/...          like /dedupe, answers when /_control/release?name=NAME is called
    /status/CODE[/times/N]/...  CODE, for the first N; then like /dedupe
    /429/...                429 for the first N (?times=N, default 1; ?status=503 for another code)
                            with Retry-After: ?after=SECONDS, or ?after=date&seconds=N
    /409xN/...              409 for the first N, then like /dedupe
    /ready_after/N/...      {"ready": false} N times, then {"ready": true}
    /replay500/...          the first key of a target gets 500 for ever, later keys are applied
    /truncate/...           cut in the middle of the body: ?count=N (default: always)
    /broken/NAME/...        applied (once per key); the answer is one of broken.py
    /garbage/...            an answer that is not HTTP
    /big/BYTES              a JSON string of that size; /gzip_bomb/BYTES: the same, compressed
    /redirect/same|other/CODE/...  to /headers on this port, or on another one (?to=/path)
    /echo/...               the raw body, as it came (?type=text/plain for another type)
    /headers/...            the request's headers as JSON; /request/...: method, path, query too
    /json?body=TEXT         TEXT as application/json
    /hex/...?body=HEX*N,... these bytes, each piece N times, as application/json
    /auth/basic|digest/USER/PASSWORD, /auth/bearer/TOKEN   401 unless they fit
    /petstore/v2/..., /httpbin/basic-auth/...              what the conformance kit calls

Control (not logged): /_control/counts, /_control/log[?path=PREFIX], /_control/reset,
/_control/wait?path=PREFIX&count=N[&timeout=SECONDS], /_control/release?name=NAME,
/_control/answers: {target: [{status, body (JSON, or a text as it is), headers, hold: NAME}]}
posted there says how requests to these targets are answered, one after the other, the last one
for ever, whatever their paths mean otherwise; {"cut": true} is applied, and not answered.

A record: n (reply number), t (monotonic seconds), at (seconds since 1970), since (its first byte did
not arrive before; at - since is how long it took to come, or how late this process was), method, path
(with query), key, sha256, bytes, head (digest of the request line and the headers but for
Authorization), applied, status (null: cut), authorization; body and headers with --bodies; pid of the
client, where it connects by way of who.c.
"""
import argparse
import asyncio
import base64
import collections
import email.utils
import functools
import gzip
import hashlib
import json
import os
import random
import selectors
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from broken import STREAMS
from checks import stretch

REASONS = {200: "OK", 201: "Created", 204: "No Content", 301: "Moved", 302: "Found",
           303: "See Other", 307: "Temporary Redirect", 308: "Permanent Redirect",
           400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 409: "Conflict",
           422: "Unprocessable", 429: "Too Many Requests", 500: "Internal Server Error",
           503: "Service Unavailable"}
CUT = None  # a reply that is no reply: the connection is closed


@functools.lru_cache(4)
def gzip_bomb(size):
    """Made once: while it is, nobody else is answered, for longer than clients wait on a busy machine."""
    return gzip.compress(b'"' + b"x" * (size - 2) + b'"')


class Request:
    def __init__(self, method, target, headers, body, head="", pid=None, since=0.0):
        self.head, self.pid, self.since = head, pid, since
        self.method = method
        self.target = target
        self.path, _, query = target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.headers = headers
        self.body = body
        self.key = headers.get("idempotency-key")
        self.sha256 = hashlib.sha256(body).hexdigest()
        self.parts = [urllib.parse.unquote(p) for p in self.path.split("/")[1:]]


class Reply:
    def __init__(self, status=200, body=b"{}", content_type="application/json", headers=(),
                 cut=False, raw=None, hold=None, feed=None):
        self.feed = feed  # yields (bytes, seconds to wait after them)
        self.status, self.body, self.content_type = status, body, content_type
        self.headers, self.cut, self.raw, self.hold = headers, cut, raw, hold

    def encode(self, head_only):
        if self.raw is not None:
            return self.raw
        lines = ["HTTP/1.1 %d %s" % (self.status, REASONS.get(self.status, "Status")),
                 "Date: " + http_date(int(time.time())),
                 "Content-Length: %d" % len(self.body)]
        if self.content_type and self.body:
            lines.append("Content-Type: " + self.content_type)
        lines += ["%s: %s" % header for header in self.headers]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head if head_only else head + self.body


@functools.lru_cache(8)
def http_date(at):
    return email.utils.formatdate(at, usegmt=True)


def json_reply(value, status=200, **more):
    return Reply(status, json.dumps(value).encode(), **more)


def count_of(text, default):
    return int(text) if text else default


class State:
    """What the endpoint knows: the applied keys, the counters, the log."""

    def __init__(self, options, selector):
        self.options, self.selector = options, selector
        self.log = None
        if options.log:
            self.log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.nonce = os.urandom(8).hex()
        self.other_port = 0
        self.waiters = []
        self.reset()

    def reset(self):
        self.n = 0
        self.keys = {}    # key -> (sha256, reply)
        self.seen = collections.Counter()  # target -> requests
        self.first_keys = {}
        self.records = []
        self.held = collections.defaultdict(list)
        self.answers = {}  # target -> those to come

    # ---- the log ----

    def record(self, request, reply, applied):
        record = {"n": self.n, "t": round(time.monotonic(), 6), "at": round(time.time(), 6),
                  "since": round(request.since, 6), "method": request.method,
                  "path": request.target, "key": request.key, "sha256": request.sha256,
                  "bytes": len(request.body), "head": request.head, "applied": applied,
                  "status": None if reply is CUT or reply.cut else reply.status,
                  "authorization": request.headers.get("authorization")}
        if request.pid:
            record["pid"] = request.pid
        if self.options.bodies:
            record["body"] = request.body.decode("utf-8", "backslashreplace")
            record["headers"] = request.headers
        self.records.append(record)
        if self.log is not None:
            os.write(self.log, (json.dumps(record) + "\n").encode())
            if self.options.fsync:
                os.fsync(self.log)
        for waiter in list(self.waiters):
            waiter()

    def matching(self, prefix):
        return [r for r in self.records if r["path"].startswith(prefix)]

    def counts(self):
        paths = {}
        for record in self.records:
            path = record["path"].partition("?")[0]
            entry = paths.setdefault(path, {"requests": 0, "applied": 0, "keys": []})
            entry["requests"] += 1
            entry["applied"] += record["applied"]
            if record["key"] and record["key"] not in entry["keys"]:
                entry["keys"].append(record["key"])
        return {"requests": len(self.records),
                "applied": sum(r["applied"] for r in self.records), "paths": paths}

    # ---- one request ----

    def answer(self, request):
        """-> (reply, applied). Counts the request."""
        self.n += 1
        self.seen[request.target] += 1
        if request.target in self.answers:
            return self.told(self.answers[request.target]), True
        name = request.query.get("mode") or request.parts[0]
        if name.startswith("409x") and name[4:].isdigit():
            if self.seen[request.target] <= int(name[4:]):
                return json_reply({"conflict": True}, 409), False
            return self.apply_once(request)
        mode = getattr(self, "mode_" + name, None) if name.isidentifier() else None
        if name == "429":
            mode = self.mode_retry_after
        return mode(request) if mode else self.apply_once(request)

    def told(self, answers):
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer.get("cut"):
            return CUT
        body, is_text = answer.get("body"), isinstance(answer.get("body"), str)
        return Reply(answer.get("status", 200), (body if is_text else json.dumps(body)).encode(),
                     "text/plain" if is_text else "application/json",
                     tuple(answer.get("headers", {}).items()), hold=answer.get("hold"))

    def effect(self, request):
        label = next((p for p in reversed(request.parts) if p), "request")
        try:
            echo = request.body.decode() if request.body and json.loads(request.body) is not None \
                else "null"
        except ValueError:
            echo = json.dumps(request.body.decode("utf-8", "replace"))
        text = '{"id":%s,"status":"done","request":%s}' % (
            json.dumps("%s-%d" % (label, self.n)), echo)
        return Reply(200, text.encode())

    def apply_once(self, request):
        if request.key is None:
            return self.effect(request), True
        known = self.keys.get(request.key)
        if known is None:
            reply = self.effect(request)
            self.keys[request.key] = (request.sha256, reply)
            return reply, True
        if known[0] != request.sha256:
            return json_reply({"error": "this key came with another body"}, 422), False
        return known[1], False

    mode_dedupe = mode_delay = mode_hold = apply_once

    def mode_nodedupe(self, request):
        return self.effect(request), True

    def is_dropped(self, request):
        if "p" in request.query:
            return random.random() < float(request.query["p"])
        return self.seen[request.target] <= count_of(request.query.get("count"), 1)

    def mode_drop_after_apply(self, request):
        reply, applied = self.apply_once(request)
        return (CUT if self.is_dropped(request) else reply), applied

    def mode_drop_before_apply(self, request):
        return (CUT, False) if self.is_dropped(request) else self.apply_once(request)

    def mode_late(self, request):
        reply, applied = self.apply_once(request)
        return (Reply(cut=True, hold="never") if self.is_dropped(request) else reply), applied

    def mode_apply_then_409(self, request):
        if request.key in self.keys:
            return json_reply({"conflict": True}, 409), False
        _, applied = self.apply_once(request)
        return CUT, applied

    def mode_status(self, request):
        code = int(request.parts[1])
        times = None
        if len(request.parts) > 3 and request.parts[2] == "times":
            times = int(request.parts[3])
        if times is None or self.seen[request.target] <= times:
            return json_reply({"status": code}, code), False
        return self.apply_once(request)

    def mode_retry_after(self, request):
        if self.seen[request.target] > count_of(request.query.get("times"), 1):
            return self.apply_once(request)
        after = request.query.get("after", "1")
        if after == "date":
            after = http_date(int(time.time()) + count_of(request.query.get("seconds"), 1))
        return json_reply({"later": True}, count_of(request.query.get("status"), 429),
                          headers=[("Retry-After", after)]), False

    def mode_ready_after(self, request):
        seen = self.seen[request.target]
        return json_reply({"ready": seen > int(request.parts[1]), "seen": seen}), True

    def mode_replay500(self, request):
        if self.first_keys.setdefault(request.target, request.key) == request.key:
            return json_reply({"stored": "failure"}, 500), False
        return self.apply_once(request)

    def mode_truncate(self, request):
        if "count" in request.query and not self.is_dropped(request):
            return self.apply_once(request)
        _, applied = self.apply_once(request)
        raw = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a'
        return Reply(raw=raw, cut=True), applied

    def mode_broken(self, request):
        _, applied = self.apply_once(request)
        return Reply(feed=STREAMS[request.parts[1]](), cut=True), applied

    def mode_garbage(self, request):
        return Reply(raw=b"\x00\x01 this is not HTTP \xff\r\n\r\n", cut=True), False

    def mode_big(self, request):
        return Reply(200, b'"' + b"x" * (int(request.parts[1]) - 2) + b'"'), True

    def mode_gzip_bomb(self, request):
        return Reply(200, gzip_bomb(int(request.parts[1])), headers=[("Content-Encoding", "gzip")]), True

    def mode_redirect(self, request):
        where, code = request.parts[1], int(request.parts[2])
        port = self.other_port if where == "other" else self.options.port
        to = "http://127.0.0.1:%d%s" % (port, request.query.get("to", "/headers"))
        return json_reply({"moved": True}, code, headers=[("Location", to)]), False

    def mode_echo(self, request):
        return Reply(200, request.body, request.query.get("type", "application/json")), True

    def mode_headers(self, request):
        return json_reply(request.headers), True

    def mode_request(self, request):
        return json_reply({"method": request.method, "path": request.path,
                           "query": request.query, "headers": request.headers,
                           "body": request.body.decode("utf-8", "replace")}), True

    def mode_json(self, request):
        return Reply(200, request.query.get("body", "null").encode(),
                     request.query.get("type", "application/json")), True

    def mode_hex(self, request):
        pieces = [piece.split("*") for piece in request.query.get("body", "").split(",")]
        return Reply(200, b"".join(bytes.fromhex(piece) * int(n) for piece, n in pieces)), True

    def mode_auth(self, request):
        scheme, rest = request.parts[1], request.parts[2:]
        given = request.headers.get("authorization", "")
        if scheme == "basic":
            right = given == "Basic " + base64.b64encode(
                ":".join(rest[:2]).encode()).decode()
            challenge = 'Basic realm="recorder"'
        elif scheme == "bearer":
            right, challenge = given == "Bearer " + rest[0], "Bearer"
        else:
            right = self.digest_is_right(request, given, *rest[:2])
            challenge = 'Digest realm="recorder", qop="auth", algorithm=MD5, nonce="%s"' % self.nonce
        if not right:
            return json_reply({"authenticated": False}, 401,
                              headers=[("WWW-Authenticate", challenge)]), False
        return json_reply({"authenticated": True}), True

    def digest_is_right(self, request, given, user, password):
        if not given.startswith("Digest "):
            return False
        fields = urllib.request.parse_keqv_list(urllib.request.parse_http_list(given[7:]))

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        a1 = md5("%s:recorder:%s" % (user, password))
        a2 = md5("%s:%s" % (request.method, request.target))
        return fields.get("nonce") == self.nonce and fields.get("response") == md5(
            ":".join([a1, self.nonce, fields.get("nc", ""), fields.get("cnonce", ""), "auth", a2]))

    def mode_petstore(self, request):
        parts = request.parts[2:]  # behind petstore/v2
        if parts == ["swagger.json"]:
            return json_reply(PETSTORE), False
        if parts == ["pet", "findByStatus"]:
            status = request.query.get("status", "available")
            return json_reply([{"id": i, "name": "pet-%d" % i, "status": status}
                               for i in (1, 2)]), True
        if len(parts) == 2 and parts[0] == "pet" and parts[1].isdigit():
            number = int(parts[1])
            return json_reply({"id": number, "name": "pet-%d" % number,
                               "status": "available"}), True
        return json_reply({"code": 404, "message": "not found"}, 404), False

    def mode_httpbin(self, request):
        request.parts = ["auth", "basic"] + request.parts[2:]
        return self.mode_auth(request)


# What the kit's calls of openapi are described by; host and schemes are where it was found.
PETSTORE = {
    "swagger": "2.0", "info": {"title": "pets", "version": "1.0.0"}, "basePath": "/petstore/v2",
    "paths": {
        "/pet/findByStatus": {"get": {"operationId": "findPetsByStatus", "parameters": [
            {"name": "status", "in": "query", "required": True, "type": "array",
             "collectionFormat": "multi", "items": {"type": "string"}}], "responses": {}}},
        "/pet/{petId}": {"get": {"operationId": "getPetById", "parameters": [
            {"name": "petId", "in": "path", "required": True, "type": "integer"}],
            "responses": {}}}}}


class Selector(selectors.DefaultSelector):
    """Knows since when what it finds may have been there."""
    before = found = 0.0

    def select(self, timeout=None):
        self.before = self.found
        ready = super().select(timeout)
        self.found = time.time()
        return ready


class Connection(asyncio.Protocol):
    def __init__(self, state):
        self.state = state
        self.buffer = bytearray()
        self.busy = False
        self.transport = None
        self.pid = None
        self.since = 0.0     # the request under way was not there before
        self.full = False
        self.waiting = None  # what goes on when there is room again

    def connection_made(self, transport):
        self.transport = transport
        parts = [int(p) for p in transport.get_extra_info("peername")[0].split(".")]
        if parts != [127, 0, 0, 1]:
            self.pid = parts[1] << 16 | parts[2] << 8 | parts[3]

    def data_received(self, data):
        if not self.buffer:
            self.since = self.state.selector.before
        self.buffer += data
        self.go_on()

    def go_on(self):
        while not self.busy and not self.transport.is_closing():
            request = self.next_request()
            if request is None:
                return
            if request.parts[0] == "_control":
                self.control(request)
            else:
                self.serve(request)

    def next_request(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            headers[name] = headers[name] + ", " + value if name in headers else value
        start = end + 4
        if headers.get("expect", "").lower() == "100-continue" and len(self.buffer) == start:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", ""):
            body, start = self.chunks(start)
            if body is None:
                return None
        else:
            length = int(headers.get("content-length", 0))
            if len(self.buffer) < start + length:
                return None
            body = bytes(self.buffer[start:start + length])
            start += length
        del self.buffer[:start]
        head = "\n".join(line for line in lines if not line.lower().startswith("authorization:"))
        return Request(method, target, headers, body, hashlib.sha256(head.encode()).hexdigest()[:32],
                       self.pid, self.since)

    def chunks(self, at):
        body = bytearray()
        while True:
            eol = self.buffer.find(b"\r\n", at)
            if eol < 0:
                return None, at
            size = int(bytes(self.buffer[at:eol]).split(b";")[0], 16)
            at = eol + 2
            if len(self.buffer) < at + size + 2:
                return None, at
            body += self.buffer[at:at + size]
            at += size + 2
            if size == 0:
                return bytes(body), at

    def serve(self, request):
        try:
            reply, applied = self.state.answer(request)
        except (ValueError, LookupError) as error:
            reply, applied = json_reply({"error": "bad request: %s" % error}, 400), False
        number = self.state.n
        self.state.record(request, reply, applied)
        wait = float(request.query.get("delay", self.state.options.delay))
        if request.parts[0] == "delay" and len(request.parts) > 1:
            wait += float(request.parts[1])
        hold = reply.hold if reply is not CUT else None
        if request.parts[0] == "hold" and len(request.parts) > 1:
            hold = request.parts[1]
        if hold:
            self.busy = True
            self.state.held[hold].append(lambda: self.finish(request, reply, number))
        elif wait > 0:
            self.busy = True
            asyncio.get_running_loop().call_later(
                wait / 1000, self.finish, request, reply, number)
        else:
            self.send(request, reply, number)

    def finish(self, request, reply, number):
        self.busy = False
        self.send(request, reply, number)
        self.go_on()

    def pause_writing(self):
        self.full = True

    def resume_writing(self):
        self.full = False
        if self.waiting:
            feed, self.waiting = self.waiting, None
            # Not from within: a write that fails here would end the connection twice.
            asyncio.get_running_loop().call_soon(self.pump, feed)

    def pump(self, feed):
        """Sends what the generator yields, as fast as it is taken."""
        if self.transport.is_closing():
            return
        if self.full:
            self.waiting = feed
            return
        data, pause = next(feed, (None, 0))
        if data is None:
            self.transport.close()
            return
        self.transport.write(data)
        asyncio.get_running_loop().call_later(pause, self.pump, feed)

    def send(self, request, reply, number):
        if self.transport.is_closing():
            return
        if reply is CUT:
            self.transport.abort()
            return
        if reply.feed:
            self.pump(reply.feed)
            return
        if reply.raw is None:
            reply = Reply(reply.status, reply.body, reply.content_type,
                          tuple(reply.headers) + (("X-Reply-Number", number),), reply.cut)
        self.transport.write(reply.encode(request.method == "HEAD"))
        if reply.cut or request.headers.get("connection", "").lower() == "close":
            self.transport.close()

    # ---- control ----

    def control(self, request):
        state, query = self.state, request.query
        what = request.parts[1] if len(request.parts) > 1 else ""
        if what == "counts":
            answer = state.counts()
        elif what == "log":
            answer = state.matching(query.get("path", "/"))
        elif what == "reset":
            state.reset()
            answer = {}
        elif what == "answers":
            state.answers.update(json.loads(request.body))
            answer = {}
        elif what == "release":
            held = state.held.pop(query["name"], [])
            for release in held:
                release()
            answer = {"released": len(held)}
        elif what == "wait":
            self.control_wait(request)
            return
        else:
            self.send(request, json_reply({"error": "no such control"}, 404), 0)
            return
        self.send(request, json_reply(answer), 0)

    def control_wait(self, request):
        query, state = request.query, self.state
        wanted, loop = int(query.get("count", 1)), asyncio.get_running_loop()
        self.busy = True

        def end(found):
            state.waiters.remove(look)
            timer.cancel()
            self.finish(request, json_reply({"found": found}, 200 if found >= wanted else 408), 0)

        def look():
            found = len(state.matching(query.get("path", "/")))
            if found >= wanted:
                end(found)

        timer = loop.call_later(float(query.get("timeout", 30)), lambda: end(-1))
        state.waiters.append(look)
        look()


async def serve(options, selector):
    state = State(options, selector)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(state), "127.0.0.1", options.port,
                                      backlog=1024)
    other = await loop.create_server(lambda: Connection(state), "127.0.0.1", 0)
    options.port = server.sockets[0].getsockname()[1]
    state.other_port = other.sockets[0].getsockname()[1]
    if options.port_file:
        with open(options.port_file + ".new", "w") as out:
            out.write("%d %d\n" % (options.port, state.other_port))
        os.rename(options.port_file + ".new", options.port_file)
    else:
        print(options.port, flush=True)
    if options.until_eof:
        end = asyncio.Event()
        loop.add_reader(0, lambda: os.read(0, 4096) or end.set())
        await end.wait()
    else:
        await asyncio.Event().wait()


class Recorder:
    """A recorder in a process of its own, for tests: with Recorder() as r: r.url ..."""

    def __init__(self, fsync=False, bodies=True, port=0):
        self.dir = tempfile.TemporaryDirectory(prefix="recorder.")
        self.log = os.path.join(self.dir.name, "log.jsonl")
        self.arguments = ["--log", self.log] + ["--fsync"] * fsync + ["--bodies"] * bodies
        self.arguments += ["--port", str(port)]
        self.process = None
        self.url = self.other_url = None

    def start(self):
        port_file = os.path.join(self.dir.name, "port")
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--until-eof", "--port-file", port_file]
            + self.arguments, stdin=subprocess.PIPE)
        end = time.monotonic() + 120
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the recorder did not start")
            time.sleep(0.01)
        with open(port_file) as lines:
            port, other = lines.read().split()
        self.url, self.other_url = "http://127.0.0.1:" + port, "http://127.0.0.1:" + other
        return self

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait(10)
            self.process = None
        self.dir.cleanup()

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def control(self, what, body=None, **query):
        url = "%s/_control/%s?%s" % (self.url, what, urllib.parse.urlencode(query))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        data = None if body is None else json.dumps(body).encode()
        with opener.open(url, data=data, timeout=600) as answer:
            return json.load(answer)

    def counts(self):
        return self.control("counts")

    def records(self, path="/"):
        return self.control("log", path=path)

    def reset(self):
        self.control("reset")

    def answer(self, answers):
        self.control("answers", answers)

    def release(self, name):
        return self.control("release", name=name)["released"]

    def wait(self, path="/", count=1, timeout=30):
        """Returns when that many requests to this path have come; urllib's HTTPError if not."""
        return self.control("wait", path=path, count=count, timeout=timeout * stretch())["found"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", help="gets the port, and that of the other origin")
    parser.add_argument("--log", help="JSON lines, appended")
    parser.add_argument("--fsync", action="store_true", help="each record is on disk before the reply")
    parser.add_argument("--bodies", action="store_true", help="keep raw bodies in the log")
    parser.add_argument("--delay", type=float, default=0, metavar="MS",
                        help="each answer takes that long")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    selector = Selector()
    loop = asyncio.SelectorEventLoop(selector)
    try:
        loop.run_until_complete(serve(parser.parse_args(), selector))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
