"""Requests to addresses that are no service's (58): link-local, metadata, 0/8, in every spelling, behind names,
behind redirects and proxies. And what goes along when an endpoint sends a request elsewhere."""
import concurrent.futures
import json
import re
import socket
import tempfile
import urllib.parse

from catalogue import case
from harness import check, check_landed
from judges import Verdict, healthy, journal_is_whole
from namespace import Names, Sentinel, in_namespace, ip, mount_file

V4, METADATA6, LOCAL6 = "169.254.169.254", "fd00:ec2::254", "fe80::1"
# IPv6 addresses that stand for 169.254.169.254, and such as nobody can have.
EMBEDDED = ["64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::", "::ffff:0:a9fe:a9fe"]
PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
CODES = (301, 302, 303, 307, 308)


def spellings_of_v4(address):
    """As an IPv4 address can be written: 1 to 4 parts, each in decimal, octal or hex."""
    a, b, c, d = (int(part) for part in address.split("."))
    for parts in ((a, b, c, d), (a, b, c << 8 | d), (a, b << 16 | c << 8 | d), (a << 24 | b << 16 | c << 8 | d,)):
        for form in ("%d", "0%o", "0x%x", "0X%X", "0x0000%x", "000%o"):
            yield ".".join(form % part for part in parts)
        if len(parts) > 1:
            yield ".".join(form % part for form, part in zip(("%d", "0x%x", "0%o", "%d"), parts))
            yield ".".join(form % part for form, part in zip(("0%o", "%d", "%d", "0x%x"), parts))


def spellings_of_v6(address):
    """Short, long, in capitals, with the last part in dots."""
    raw = socket.inet_pton(socket.AF_INET6, address)
    words = ["%02x%02x" % (raw[i], raw[i + 1]) for i in range(0, 16, 2)]
    yield "[%s]" % address
    yield "[%s]" % ":".join(words).upper()
    yield "[%s]" % ":".join(words[:6] + [".".join(str(b) for b in raw[12:])])


def hosts():
    """Everything that leads to where no request may go, if anywhere."""
    yield from dict.fromkeys(spellings_of_v4(V4))
    yield from ("169.254.0.1", "169.254.255.255", "0.0.0.0", "0", "0x0", "00.0", "0.0.0.1", "0.1.2.3", "224.0.0.1",
                "239.255.255.255", "255.255.255.255", "0xffffffff", "[::]", "[::0.0.0.0]", "[ff02::1]", "[ff0e::1]")
    for address in (METADATA6, "::ffff:a9fe:a9fe", "::a9fe:a9fe", "::ffff:0.0.0.0", *EMBEDDED):
        yield from spellings_of_v6(address)
    yield from ("[%s%%25lo]" % LOCAL6, "[%s%%lo]" % LOCAL6, "[fe80::1%251]", "[%s]" % LOCAL6, "[febf::1%25lo]")
    yield from ("meta.test", "META.test.", "six.test", "mapped.test", "both.test", "zero.test")
    yield from (V4 + ".", "%31%36%39.254.169.254", "\u2460\u2465\u2468.254.169.254", "169\u3002254\u3002169\u3002254",
                "\uff11\uff16\uff19.254.169.254", "127.0.0.1@" + V4, "user:pass@" + V4, V4 + ":80", V4 + ":0080",
                V4 + "#@127.0.0.1", V4 + "?@127.0.0.1", V4 + "\\@127.0.0.1", "127.0.0.1\\@" + V4, " " + V4,
                V4 + "\t", "16\t9.254.169.254", "425.510.425.510", "[" + V4 + "]", "[::ffff:" + V4 + "]:80")


def urls():
    for host in hosts():
        yield "http://%s/latest/meta-data" % host
    for scheme in ("HTTP://", "hTtP://", "http:", "http:/", "http:///", "//", "\\\\", "https://", "gopher://", "ftp://",
                   "dict://", "ldap://", "tftp://", "ws://"):
        yield scheme + V4 + "/"
    for path in ("file:///etc/passwd", "file://localhost/etc/passwd", "file://127.0.0.1/etc/passwd"):
        yield path


def reaches(url):
    """Whether a client that minds nothing comes to the sentinel."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = urllib.parse.unquote(parts.hostname or "")
        with socket.create_connection((host, parts.port or 80), 0.3):
            return parts.scheme in ("http", "https")
    except (OSError, ValueError, UnicodeError):
        return False


class Place:
    """The namespace: addresses, sentinel, names, recorder."""

    def __init__(self, world):
        for address in (V4, METADATA6, *EMBEDDED):
            ip("addr", "add", address + ("/128" if ":" in address else "/32"), "dev", "lo")
        ip("addr", "add", LOCAL6 + "/64", "dev", "lo", "nodad")
        mount_file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.random, self.recorder = world.random, world.new_recorder(bodies=True)
        self.port = int(self.recorder.url.rpartition(":")[2])
        self.sentinel, self.names = Sentinel(80, 81, 443), Names(self.resolve)
        self.sentinel.listen(socket.socket(), V4, self.port)
        world.ends += [self.sentinel.close, self.names.close]

    def resolve(self, name):
        """A name server that nobody should trust; flip* answers otherwise each time."""
        known = {"meta.test": [V4], "six.test": [METADATA6], "mapped.test": ["::ffff:" + V4],
                 "both.test": [V4, METADATA6], "zero.test": ["0.0.0.0"]}
        if name.startswith("flip"):
            return [self.random.choice(("127.0.0.1", V4))]
        return known.get(name.lower(), [])


def redirect_to(place, number, url, codes):
    """A chain of redirects of these codes to the URL; where it begins."""
    at = ["/hop/%d/%d" % (number, i) for i in range(len(codes))]
    to = [place.recorder.url + target if i % 2 else target for i, target in enumerate(at)][1:] + [url]
    place.recorder.answer({target: [{"status": code, "body": "no", "headers": {"Location": next_one}}]
                           for target, code, next_one in zip(at, codes, to)})
    return place.recorder.url + at[0]


def draw_ways(world, place):
    """-> (way, URL that is given, URL that is meant)"""
    sendable = re.compile(r"[\x21-\x7e]+")
    for number, url in enumerate(urls()):
        yield "get", url, url
        yield world.random.choice(("post", "template" if url.startswith("http://") else "post")), url, url
        for _ in range(world.size(1, 3, 5)):
            codes = [world.random.choice(CODES) for _ in range(world.random.choice((1, 1, 2, 3, 5)))]
            if sendable.fullmatch(url):
                world.plan("%s behind %s", url, codes)
                yield "get", redirect_to(place, number * 10 + _, url, codes), url


def apply_all(db, place):
    for method in ("get", "post"):
        db.apply(method, [{"s": {"call": "http", "with": {
            "method": method, "endpoint": "${ .url }", "redirect": True}}}])
    db.apply("template", [{"s": {"call": "http", "with": {
        "method": "get", "endpoint": "http://{host}/latest", "redirect": True}}}])
    place.recorder.answer({"/api": [{"body": {"openapi": "3.0.3", "servers": [{"url": "http://%s/" % V4}], "paths": {
        "/x": {"get": {"operationId": "x"}}}}}]})
    db.apply("openapi", [{"s": {"call": "openapi", "with": {
        "document": {"endpoint": place.recorder.url + "/api"}, "operationId": "x"}}}])


def start_all(db, ways):
    """Runs by id: (way, the URL that is meant)."""
    runs = {}
    for name in ("get", "post", "template", "openapi"):
        chosen = [(given, meant) for way, given, meant in ways if way == name]
        ids = db.start_with(name, [{"url": given, "host": given.partition("://")[2].partition("/")[0]}
                                   for given, _ in chosen])
        runs.update({run: (name, meant) for run, (_, meant) in zip(ids, chosen)})
    return runs


def registration(world, db, place, environment):
    """What is read at registration is read under the same rules: exit codes that are none of success."""
    # A URL with 127.0.0.1 in it may well lead there.
    every = [url for url in urls() if "127.0.0.1" not in url]
    chosen = world.random.sample(every, world.size(12, 60, len(every)))
    chosen += [redirect_to(place, 100000 + i, "http://%s/" % V4, [code]) for i, code in enumerate(CODES)]
    folder = tempfile.mkdtemp(dir=db.cluster.dir)

    def register(pair):
        number, url = pair
        path = "%s/r%d.json" % (folder, number)
        with open(path, "w") as out:
            json.dump({"document": {"dsl": "1.0.3", "namespace": "crash", "name": "r%d" % number, "version": "1.0.0"},
                       "do": [{"s": {"call": "openapi", "with": {"document": {"endpoint": url}, "operationId": "x"}}},
                              {"f": {"call": url}}][number % 2:][:1]}, out)
        return url, db.cli("apply", path, env=environment)

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for url, (code, _, err) in threads.map(register, enumerate(chosen)):
            check(code == 6, "I9: apply with %r: exit %d %s", url, code, err)
    return len(chosen)


def reach_out(world):
    place = Place(world)
    db, verdict, sentinel = world.db, Verdict(), place.sentinel
    home = tempfile.mkdtemp(dir=db.cluster.dir)
    with open(home + "/.netrc", "w") as netrc:
        netrc.write("default login canary password canary-password\n")
    environment = dict({name: "http://127.0.0.1:81" for name in PROXIES}, HOME=home, no_proxy="")
    apply_all(db, place)
    ways = list(draw_ways(world, place)) + [("openapi", "", "http://%s/x" % V4)]
    flips = ["http://flip%d.test:%d/dedupe/flip" % (i, place.port) for i in range(world.size(10, 100, 1000))]
    good = ["http://%s:%d/dedupe/good" % (host, place.port) for host in spellings_of_v4("127.0.0.1")]
    known = {url: reaches(url) for url in dict.fromkeys(meant for _, _, meant in ways)}
    check_landed(sum(known.values()) > 20, "the sentinel can hardly be reached: %s", sentinel.take())
    sentinel.take()
    registered = registration(world, db, place, environment)
    runs = start_all(db, ways + [("get", url, url) for url in flips + good])
    with world.pool(1, "--http-timeout", "2s", "--concurrency", "64", env=environment) as pool:
        db.wait_idle(world.size(40, 300, 600))
        healthy(pool.all())
        pool.drain()
    verdict.none(sentinel.take(), "I9: a connection to")
    for row in db.rows("select id, status, error ->> 'type' as type, error ->> 'detail' as detail from stepwell.runs"):
        way, url = runs[row["id"]]
        wanted = {"completed"} if url in good else {"completed", "faulted"} if url in flips else {"faulted"}
        verdict.that(row["status"] in wanted, "I9: %s %r: %s", way, url, row["status"])
    heard = json.dumps(place.recorder.records())
    verdict.that("canary" not in heard and '"authorization": "' not in heard, "I9: credentials of .netrc were sent")
    verdict.end()
    journal_is_whole(db)
    # The same URLs reach the sentinel where they are allowed to: it would have seen them.
    db.start_with("get", [{"url": url} for url in known])
    with world.pool(1, "--http-timeout", "2s", "--concurrency", "64", "--http-allow", "metadata"):
        db.wait_idle(world.size(40, 300, 600))
    allowed = len(sentinel.take())
    check_landed(allowed > 20, "the sentinel was hardly reached when that was allowed: %d times", allowed)
    world.inject(len(ways) + registered)
    world.land(sum(known[meant] for _, _, meant in ways))
    world.checked(len(ways) + len(flips) + len(good) + registered)
    world.note("%d URLs, %d of them lead there, %d connections where it is allowed", len(known), sum(known.values()),
               allowed)


@case(58)
def blocked_addresses(world):
    """No connection to a sentinel at these addresses: directly, by a template, by a description's server, behind
    redirects, and at registration; with proxies in the environment, which would make them all for us."""
    in_namespace(reach_out, world)


# ---- What goes along ----

AUTHENTICATIONS = {
    "none": None, "basic": {"basic": {"username": "canary-user", "password": "canary-password"}},
    "bearer": {"bearer": {"token": "canary-token"}},
    "digest": {"digest": {"username": "canary-user", "password": "canary-password"}}}
OWN_HEADERS = {"X-Api-Key": "canary-key", "Cookie": "session=canary-cookie", "Accept": "application/json",
               "Proxy-Authorization": "canary-proxy", "X-Forwarded-For": "canary-address"}


def journeys(recorder):
    """-> (name, bases of the hops)"""
    here, other, named = recorder.url, recorder.other_url, recorder.url.replace("127.0.0.1", "localhost")
    yield "same", [here, here]
    yield "port", [here, other]
    yield "name", [here, named]
    yield "back", [here, other, here]
    yield "around", [here, here, named, other, here]
    yield "number", [here, here.replace("127.0.0.1", "2130706433")]
    yield "dot", [here, here.replace("127.0.0.1", "127.1")]


def origin(base):
    """Host and port; an address is the same however it is written."""
    host, _, port = base.partition("://")[2].partition(":")
    try:
        return socket.inet_aton(host), port
    except OSError:
        return host, port


def set_out(world, recorder):
    """Tells the recorder where to send each hop on; (method, scheme, input, targets, bases) of each run."""
    answers, trips = {}, []
    for method in ("get", "head", "post"):
        for scheme in AUTHENTICATIONS:
            for name, bases in journeys(recorder):
                code = world.random.choice(CODES)
                at = ["/trip/%d/%d" % (len(trips), i) for i in range(len(bases))]
                world.plan("%s %s %s by %d", method, scheme, name, code)
                for target, base, following in zip(at, bases[1:], at[1:]):
                    answers[target] = [{"status": code, "body": "no", "headers": {"Location": base + following}}]
                trips.append((method, scheme, {"url": bases[0] + at[0]}, at, bases))
    recorder.answer(answers)
    return trips


@case(58)
def credentials_stay(world):
    """Redirects within an origin and to others, and back again: whatever authenticates the first request is never
    part of one to another origin, nor of one that another origin has steered. POST is not redirected at all."""
    db, recorder, verdict = world.db, world.new_recorder(bodies=True), Verdict()
    for method in ("get", "head", "post"):
        for scheme, policy in AUTHENTICATIONS.items():
            db.apply("%s-%s" % (method, scheme), [{"s": {"call": "http", "with": {
                "method": method, "redirect": True, "headers": OWN_HEADERS,
                "endpoint": dict({"uri": "${ .url }"}, **({"authentication": policy} if policy else {}))}}}])
    trips = set_out(world, recorder)
    for method, scheme, given, *_ in trips:
        db.start_with("%s-%s" % (method, scheme), [given])
    with world.pool(1) as pool:
        db.wait_idle(30)
        pool.drain()
    records = {}
    for record in recorder.records("/trip"):
        records.setdefault(record["path"], []).append(record)
    for method, scheme, _, at, bases in trips:
        where = "%s %s %s" % (method, scheme, " -> ".join(bases))
        foreign = False
        for i, (target, base) in enumerate(zip(at, bases)):
            found = records.get(target, [])
            foreign = foreign or origin(base) != origin(bases[0])
            verdict.that(bool(found) == (i == 0 or method != "post"), "I9: %s: hop %d: %d requests", where, i,
                         len(found))
            verdict.that(method != "post" or i or sum(r["method"] == "POST" for r in found) == 1,
                         "I9: %s: sent %d times", where, len(found))
            for record in found:
                text = json.dumps([record["path"], record["headers"], record["body"]])
                verdict.that(not (foreign and "canary" in text), "I9: %s: hop %d: %s", where, i, text)
                # The request that asks a digest endpoint for its challenge is none of the step's: no key, no body.
                asks = (method, scheme, record["method"]) == ("post", "digest", "HEAD")
                verdict.that(foreign or asks != ("canary-key" in text), "I9: %s: hop %d, key: %s", where, i, text)
                verdict.that(not asks or not record["body"], "I9: %s: it asks with a body: %s", where, text)
                verdict.that(foreign or scheme in ("none", "digest") or record["authorization"],
                             "I9: %s: hop %d is not authenticated", where, i)
                verdict.that(not foreign or record["headers"].get("accept") == "application/json",
                             "I9: %s: hop %d accepts something else", where, i)
                world.inject(i > 0)
                world.land(i > 0)
    verdict.end()
    world.checked(sum(len(found) for found in records.values()))
