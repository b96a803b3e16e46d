"""Texts that nobody must take for code, and roles that must not do what they may not (60)."""
import concurrent.futures
import json
import os
import pathlib
import re
import tempfile
import urllib.parse

from catalogue import case
from hostile import BREAKS, NUL, PATHS, SHELL, SQL, TERMINAL, UNSEEN, draw
from judges import Verdict
from terminal import on_terminal

VICTIM = "create table victim (t text); insert into victim values ('alive')"


def is_alive(db, verdict, folder=None):
    """Nobody has touched the table, no statement was broken, and no command has run."""
    verdict.that(db.psql("select string_agg(t, ',') from victim") == "alive", "I8: the table was changed")
    broken = [line for line in db.cluster.said("ERROR", db.name) if "syntax error" in line or "unterminated" in line]
    verdict.none(broken[:5], "I8: a statement was broken")
    if folder:
        verdict.none(os.listdir(folder), "I8: a command has made")


# ---- Values ----

def channels(url):
    """Where a value goes through. Each gives it back, or what the endpoint has got."""
    def http(**more):
        return {"call": "http", "with": dict({"method": "post", "endpoint": url + "/request/x"}, **more)}

    def shell(command, **more):
        return {"run": {"shell": dict({"command": command}, **more)}}
    return {
        "sql": {"call": "sql", "with": {"statement": "select $1::text as v", "parameters": ["${ .v }"]},
                "output": {"as": ".[0].v"}},
        "sql-json": {"call": "sql", "with": {"statement": "select $1::jsonb ->> 'v' as v", "parameters": ["${ {v} }"]},
                     "output": {"as": ".[0].v"}},
        "argument": shell("printf %s \"$1\"", arguments=["${ .v }"]),
        "stdin": shell("cat", stdin="${ .v }"),
        "environment": shell("printf %s \"$V\"", environment={"V": "${ .v }"}),
        "body": dict(http(body={"v": "${ .v }"}), output={"as": ".body | fromjson | .v"}),
        "query": dict(http(query={"v": "${ .v }"}), output={"as": ".query.v"}),
        "path": dict(http(endpoint=url + "/request/{v}/end"), output={"as": ".path"}),
        "event": {"emit": {"event": {"with": {"source": "https://example.com/x", "type": "x", "data": "${ .v }"}}},
                  "output": {"as": ".data"}}}


def shape(name, task):
    """So that each value comes back, or an error says why not."""
    return {name: {"try": [{"step": dict(task, **{"input": {"from": "${ {v: $workflow.input.v} }"}})}],
                   "catch": {"as": "e", "do": [{"told": {"set": {"refused": "${ $e.title }"}}}]},
                   "export": {"as": "${ ($context // {}) + {\"%s\": .} }" % name}}}


@case(60)
def values_stay_values(world):
    """Hostile texts through SQL, processes, bodies, queries and paths: each arrives as it is, or is refused where
    it cannot be one (a NUL)."""
    db, verdict = world.db, Verdict()
    folder = tempfile.mkdtemp(dir=db.cluster.dir)
    db.psql(VICTIM)
    tasks = channels(world.recorder.url)
    db.apply("values", [shape(name, task) for name, task in tasks.items()], output={"as": "$context"})
    texts = draw(world.random, world.size(70, 1000, 10000), SQL, SHELL[:12], PATHS, SHELL[12:], TERMINAL, BREAKS)
    texts += ["a" + NUL + "; touch canary", NUL]
    world.plan("%s", json.dumps(texts))
    ids = db.start_with("values", [{"v": text} for text in texts])
    with world.pool(1, "--allow-run", by=("env", "-C", folder)) as pool:
        db.wait_idle(world.size(60, 600, 3000))
        pool.drain()
    outputs = {r["id"]: json.loads(r["output"]) for r in db.rows(
        "select id, output::text from stepwell.runs where status = 'completed'")}
    for run, text in zip(ids, texts):
        got = outputs.get(run) or {}
        for name in tasks:
            value = got.get(name)
            wanted = "/request/%s/end" % urllib.parse.quote(text, safe="") if name == "path" else text
            if name == "path" and isinstance(value, str):
                value = urllib.parse.quote(urllib.parse.unquote(value), safe="/")
                wanted = urllib.parse.quote(urllib.parse.unquote(wanted), safe="/")
            # A segment . or .. would be another path.
            refusable = NUL in text or name == "path" and text in (".", "..")
            refused = isinstance(value, dict) and "refused" in value and refusable
            verdict.that(value == wanted or refused, "I8: %s: %r became %r", name, text, value)
            world.inject()
            world.land(value is not None)
    is_alive(db, verdict, folder)
    db.value("select count(path), count(output) from stepwell.steps")  # and the view can be read
    verdict.end()
    world.checked(len(texts) * len(tasks))
    world.note("%d texts through %d channels", len(texts), len(tasks))


# ---- Headers ----

DIGEST = "/auth/digest/a/b"


def is_question(record):
    """Whether it only asks for a challenge: nothing of the step goes with it, neither key, body nor credentials."""
    return (record["method"], record["path"], record["bytes"], record["key"], record["authorization"]) == (
        "HEAD", DIGEST, 0, None, None)


@case(60)
def headers_stay_headers(world):
    """Line breaks in header values and names, URLs, queries, credentials and cookies make no header and no
    request of their own."""
    db, recorder, verdict = world.db, world.new_recorder(bodies=True), Verdict()
    url = recorder.url + "/dedupe/x"

    def http(**more):
        return {"s": {"call": "http", "with": dict({"method": "post", "endpoint": url, "body": {}}, **more)}}
    places = {
        "value": http(headers={"X-V": "${ .v }"}), "name": http(headers="${ {(.v): \"x\"} }"),
        "text": http(headers={"X-V": "a ${ .v } b"}), "query": http(query={"q": "${ .v }"}),
        "query-name": http(query="${ {(.v): \"x\"} }"), "template": http(endpoint=url + "/{v}"),
        "endpoint": http(endpoint="${ \"%s/\" + .v }" % url), "key": http(headers={"Idempotency-Key": "${ .v }"}),
        "type": http(headers={"Content-Type": "${ .v }"}),
        "bearer": http(endpoint={"uri": url, "authentication": {"bearer": {"token": "${ .v }"}}}),
        "basic": http(endpoint={"uri": url, "authentication": {
            "basic": {"username": "${ .v }", "password": "${ .v }"}}}),
        "digest": http(endpoint={"uri": recorder.url + DIGEST, "authentication": {
            "digest": {"username": "${ .v }", "password": "${ .v }"}}})}
    ends = ["X-Evil: 1", "x-evil:1", "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
            "Content-Length: 0\r\n\r\nPOST /evil HTTP/1.1\r\n\r\n"]
    texts = ["fine", NUL, "a" + NUL + "\r\nX-Evil: 1"]
    texts += ["a" + b + e for b in BREAKS for e in ends[:world.size(1, 4, 4)]]
    texts += [b + world.random.choice(ends) for b in draw(world.random, world.size(4, 200, 2000), BREAKS)]
    world.plan("%s", json.dumps(texts))
    runs = {}
    for name, task in places.items():
        db.apply("at-" + name, [task])
        runs.update(zip(db.start_with("at-" + name, [{"v": text} for text in texts]), [(name, t) for t in texts]))
    with world.pool(1) as pool:
        db.wait_idle(world.size(30, 300, 1000))
        pool.drain()
    records = recorder.records()
    for record in records:
        heard = json.dumps(record["headers"])
        verdict.that("x-evil" not in {name.strip() for name in record["headers"]} and "/evil" != record["path"],
                     "I9: %s %s", record["path"], heard)
        verdict.that(record["method"] == "POST" or is_question(record), "I9: %s %s", record["method"], heard)
    # Digest authentication asks for a challenge once for each request, which then goes with credentials only.
    digest = [r for r in records if r["path"] == DIGEST]
    answers = [re.match('Digest .* cnonce="([^"]+)"', r["authorization"] or "") for r in digest if r["method"] == "POST"]
    questions = len(digest) - len(answers)
    verdict.that(all(answers) and questions == len({a[1] for a in answers}) > 0, "I9: digest: %s", json.dumps(
        [(r["method"], r["authorization"]) for r in digest]))
    for row in db.rows("select id, status from stepwell.runs"):
        name, text = runs[row["id"]]
        fine = text == "fine" and name not in ("digest",)
        verdict.that(not fine or row["status"] == "completed", "%s: %r: %s", name, text, row["status"])
        world.inject()
        world.land()
    verdict.end()
    world.checked(len(runs) + len(records))
    world.note("%d texts in %d places, %d requests", len(texts), len(places), len(records))


# ---- Names ----

def documents(chance, text):
    """Documents that have the text where a name or a statement stands, and whether they may be registered."""
    def document(task, may, **more):
        plain = {"dsl": "1.0.3", "namespace": "crash", "name": "n%d" % chance.randrange(1 << 40), "version": "1.0.0"}
        return {"document": dict(plain, **more.pop("document", {})), "do": [task], **more}, may

    is_name = re.fullmatch("[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?", text)
    for member in ("namespace", "name", "version", "dsl"):
        may = None if is_name and "name" in member else False
        yield document({"s": {"set": {"a": 1}}}, may, document={member: text})
    yield document({"s": {"call": "http", "with": {
        "method": "get", "endpoint": "http://127.0.0.1:1/", "headers": {"X": "${ $secrets[%s] }" % json.dumps(text)}}}},
        None, use={"secrets": [text]})
    yield document({"s": {"call": text}}, False)
    yield document({"s": {"call": "sql", "with": {"statement": text}}}, False)
    yield document({"s": {"call": "sql", "with": {"statement": "select 1", "database": text}}}, None)
    yield document({"s": {"run": {"workflow": {"namespace": text, "name": "n", "version": "1.0.0"}}}}, None)
    yield document({text: {"set": {"a": 1}}}, None)


STATEMENTS = ["select 1; drop table victim", "commit", "rollback", "begin", "; commit", "/* */ commit", "--\ncommit",
              "set role postgres", "reset role", "set session authorization postgres",
              "copy victim to program 'touch canary'", "create table x ()", "drop table victim",
              "alter role postgres login", "listen x", "notify x", "lock table victim", "vacuum", "truncate victim",
              "prepare x as select 1", "execute x", "discard all", "savepoint a", "grant all on victim to public",
              "explain select 1", "select 1;;select 2", "abort", "end", "start transaction", "prepare transaction 'x'",
              "set search_path = x", "do $$ begin end $$; drop table victim", "cluster", "checkpoint", "load 'x'",
              "security label on table victim is 'x'", "import foreign schema x from server y into z",
              "'"]


@case(60)
def names_stay_names(world):
    """Hostile names and statements in documents and arguments: refused with exit 2, 3, 4 or 6, or harmless."""
    db, verdict = world.db, Verdict()
    folder = tempfile.mkdtemp(dir=db.cluster.dir)
    db.psql(VICTIM)
    db.apply("known", [{"s": {"set": {"a": 1}}}])
    names = ["../../etc/passwd", "a/../b", "..%2f", "a\x01b", "x'; drop table victim; --", "a" * 200, "", " ", ".", "-",
             "a/b:c", "\u202ea", "A\x1b[2J"]
    texts = draw(world.random, world.size(14, 400, 4000), names, SQL, PATHS, SHELL)
    chosen = [pair for text in texts for pair in world.random.sample(
        list(documents(world.random, text)), world.size(2, 10, 10))]
    for statement in STATEMENTS:
        chosen.append(({"document": {"dsl": "1.0.3", "namespace": "crash", "name": "sql", "version": "1.0.0"},
                        "do": [{"s": {"call": "sql", "with": {"statement": statement}}}]}, False))
    orders = [words for text in texts for words in world.random.sample(
        [("status", text), ("history", text), ("start", text), ("retry", text), ("cancel", text), ("graph", text),
         ("list", "--workflow", text), ("list", "--status", text), ("list", "--parent", text),
         ("list", "--cursor", text),
         ("start", "crash/known", "--key", text), ("start", "crash/known", "--input", text), ("validate", text),
         ("start", "crash/" + text), ("list", "--since", text)], world.size(2, 15, 15)) if NUL not in text]
    for words in orders:
        world.plan("%r", words)

    def register(pair):
        number, (document, may) = pair
        path = "%s/doc%d.json" % (db.cluster.dir, number)
        pathlib.Path(path).write_text(json.dumps(document))
        return document, may, db.cli("apply", path)

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for document, may, (code, out, err) in threads.map(register, enumerate(chosen)):
            verdict.that(code in ((6,) if may is False else (0, 6)), "I8: apply: exit %d: %s\n%s", code, document, err)
            verdict.none(UNSEEN.findall(out + err), "I9: apply of %s prints" % document)
        for words, (code, out, err) in zip(orders, threads.map(lambda w: db.cli(*w), orders)):
            verdict.that(code in (0, 2, 3, 4, 6), "I8: %r: exit %d: %s", words, code, err)
            verdict.none(UNSEEN.findall(out + err), "I9: %r prints" % (words,))
    is_alive(db, verdict, folder)
    verdict.end()
    world.inject(len(chosen) + len(orders))
    world.land(len(chosen) + len(orders))
    world.checked(len(chosen) + len(orders))


# ---- Terminals ----

def printed(db, *words):
    """What wfctl prints on a terminal."""
    _, text = on_terminal([db.wfctl, *words, "--db", db.conninfo], env=dict(os.environ, NO_COLOR="1", TERM="xterm"))
    return text.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


@case(60)
def terminal_stays_clean(world):
    """Control characters in keys, inputs, outputs, names of tasks, titles and details of errors, answers, and the
    messages of the server: nothing that wfctl or a worker prints on a terminal, or into its log, has one."""
    db, recorder, verdict = world.db, world.recorder, Verdict()
    texts = draw(world.random, world.size(24, 300, 3000), TERMINAL)
    world.plan("%s", json.dumps(texts))
    ids = []
    for first in range(0, len(texts), 24):
        group, name = texts[first:first + 24], "shown-%d" % first
        label = "t" + "".join(t for t in group[:8])
        db.apply(name, [
            {label: {"set": {"v": "${ .v }"}}},
            {"ask" + group[-1]: {"try": [{"s": {"call": "http", "with": {
                "method": "get", "endpoint": recorder.url + "/shown/" + name}}}], "catch": {}}},
            {"end": {"raise": {"error": {
                "type": "https://example.com/e", "status": 400, "title": "${ .v // $workflow.input.v }",
                "detail": "${ $workflow.input.v }"}}}}])
        recorder.answer({"/shown/" + name: [{"status": 404, "body": "".join(group), "headers": {
            "X-V": "".join(c for c in "".join(group) if " " < c < "\xff")}}]})
        for text in group:
            key = "k%s%d" % (text.replace("\r", "\x1b"), len(ids))
            ids += db.psql("select stepwell.start('crash/%s', $i$%s$i$, $k$%s$k$)" % (
                name, json.dumps({"v": text}), key)).split("\n")
    with world.pool(1) as pool:
        db.wait_idle(60)
        # A message of the server's, in the worker's log.
        db.psql("create function refuse() returns trigger language plpgsql as $f$ begin raise exception 'no: %', "
                "(select string_agg(c, '') from unnest(array[e'\\x1b[2J', e'\\u009b31m', e'\\u202e', e'\\n']) c); "
                "end $f$; create trigger refuse before insert on stepwell.entry for each row "
                "when (new.kind not in ('created', 'claimed', 'suspended')) execute function refuse()")
        db.start("shown-0", 1)
        db.wait_idle(20)
        logs = "".join(worker.output() for worker in pool.all())
    verdict.that("no:" in logs, "I9: the log says nothing of the refused entry: %s", logs[-500:])
    verdict.none(map(repr, UNSEEN.findall(logs)), "I9: in a worker's log")
    shown = world.random.sample(ids, world.size(8, 60, 300))
    orders = [words for run in shown for words in (
        ("status", run), ("history", run), ("graph", run), ("status", run, "-o", "json"),
        ("history", run, "-o", "json"))]
    orders += [("list",), ("list", "-o", "json"), ("workflows",), ("status",), ("retry", shown[0], "--dry-run"),
               ("start", "crash/none" + texts[0].replace(NUL, "")), ("retry", shown[1], "-o", "json", "--dry-run")]
    for words in orders:
        text = printed(db, *words)
        verdict.that(len(text) > 20, "I8: %r says %r", words, text)
        verdict.none(map(repr, UNSEEN.findall(text)), "I9: %r prints" % (words,))
    verdict.end()
    world.inject(len(texts) + 1)
    world.land(len(texts) + 1)
    world.checked(len(orders))
    world.note("%d texts, %d orders", len(texts), len(orders))
