"""What a step id stands for: always the same request (48), and never two steps (49)."""
import collections
import hashlib
import json
import pathlib
import re

from catalogue import case
from harness import Repeated, check, check_landed, lines_of, records_of, some
from judges import Verdict, all_completed, healthy, journal_is_whole
from rows_crash import NO_POISON, count_hits, kill_at_random
from workload import POLICY, RETRIED, step_id

# ---- Row 48: the request does not change ----

SECRET = re.compile(r"sekret-[0-9a-f]+")
DRIFTING = {"now": "${ now }", "at": "${ $task.startedAt }", "since": "${ $workflow.startedAt }",
            "id": "${ $task.stepId }", "drawn": "${ $context.drawn }",
            "text": "at ${ now | todate }, ${ $context.drawn }"}


def definition(url, version):
    """Steps that would send something else each time they are rendered. Each edition differs in its requests."""
    def post(label, metadata=RETRIED, **more):
        path = "${ \"%s\" + $workflow.input.to + \"/\" + $workflow.id + \"/%s?count=\" + " \
            "($workflow.input.%s | tostring) + \"&now=\" + (now | tostring) }" % (url, label, label)
        return {"call": "http", "metadata": metadata, "timeout": {"after": "PT20S"}, "with": dict({
            "method": "post", "headers": {"X-Now": "${ now }", "X-Drawn": "${ $context.drawn }"},
            "endpoint": {"uri": path, "authentication": {"bearer": {"use": "token"}}},
            "body": dict(DRIFTING, version=version)}, **more)}
    return {
        "document": {"dsl": "1.0.3", "namespace": "crash", "name": "drift", "version": version},
        "use": {"retries": {"quick": POLICY}, "secrets": ["token", "key"]}, "do": [
            {"draw": {"run": {"shell": {
                "command": "od -An -N8 -tx1 /dev/urandom | tr -d '\\n'; date +%s%N | tr -d '\\n'"}},
                      "export": {"as": "${ {drawn: .} }"}}},
            {"a": post("a")},
            {"wait": {"wait": {"milliseconds": 30}}},
            # An endpoint would rightly refuse another value under the same key.
            {"b": post("b", dict(RETRIED, idempotencyKey="none"),
                       body=dict(DRIFTING, version=version, key="${ $secrets.key }"))},
            {"c": post("c", query={"q": "${ now }"}, headers={"X-Key": "${ $secrets.key }"})}]}


class Secrets(Repeated):
    """A folder whose values change for ever, until it is left."""

    def __init__(self, world, path):
        super().__init__(self.turn, 0.05)
        self.random, self.path, self.turns = world.random, pathlib.Path(path), 0
        self.path.mkdir()
        self.turn()

    def turn(self):
        for name in ("token", "key"):
            new = self.path / ".new"
            new.write_text("sekret-%016x" % self.random.getrandbits(64))
            new.rename(self.path / name)
        self.turns += 1


def apply_edition(db, url, n):
    document = definition(url, "1.0.%d" % n)
    path = pathlib.Path("%s/%s.drift.%d.json" % (db.cluster.dir, db.name, n))
    path.write_text(json.dumps(document))
    db.cli("apply", str(path), expect=0)
    document["do"][0]["draw"]["run"]["shell"]["command"] = "echo edited"
    path.write_text(json.dumps(document))
    code, _, err = db.cli("apply", str(path))
    check(code == 5, "I11: an edited definition of the same version: exit %d %s", code, err)


def request_of(record):
    """All of a request that may not change: everything but Authorization and the values of secrets."""
    headers = {name: value for name, value in record["headers"].items() if name != "authorization"}
    return SECRET.sub("*", json.dumps([record["method"], record["path"], headers, record["body"]], sort_keys=True))


@case(48)
def request_drift(world):
    """Expressions of the time and of chance, secrets that change all the time, newer editions of the definition,
    while answers are lost and workers are killed: under one key there is one request."""
    db, recorder, verdict = world.db, world.new_recorder(bodies=True), Verdict()
    batches, size, kills = world.size(2, 10, 40), world.size(10, 60, 250), world.size(6, 60, 400)
    ids, planned = {}, 0
    with Secrets(world, "%s/%s.secrets" % (db.cluster.dir, db.name)) as secrets, world.pool(
            3, "--allow-run", "--secrets", str(secrets.path), "--concurrency", "16", *NO_POISON) as pool:
        for n in range(batches):
            apply_edition(db, recorder.url, n)
            given = [{"to": world.random.choice(("/drop_after_apply", "/drop_before_apply", "/truncate")),
                      **{label: world.random.choice((0, 1, 1, 2)) for label in "abc"}} for _ in range(size)]
            world.plan("edition %d: %s", n, json.dumps(given))
            planned += sum(values[label] for values in given for label in "abc")
            ids.update({run: "1.0.%d" % n for run in db.start_with("drift", given)})
            kill_at_random(world, pool, kills // batches, 3 * size, lambda: lines_of(recorder) - n * 3 * size)
        db.wait_idle(world.size(60, 300, 900))
        count_hits(world, db, pool)
        pool.drain()
    healthy(pool.all())
    all_completed(db, len(ids))
    journal_is_whole(db)
    held = db.count("stepwell.journal where data::text like '%request changed%'")
    verdict.that(held == 0, "I11: %d steps were held, since their request had changed", held)
    records = records_of(recorder)
    values, again = set(), 0
    for (run, label), found in records.items():
        verdict.that(len({r["key"] for r in found}) == 1, "I2: %s %s: several keys", run, label)
        different = {request_of(r) for r in found}
        verdict.that(len(different) == 1, "I11: %s %s: several requests: %s", run, label, some(different))
        values.update(r["authorization"] for r in found)
        versions = {json.loads(r["body"])["version"] for r in found}
        verdict.that(versions == {ids[run]}, "I11: %s %s: of %s, the run is of %s", run, label, versions, ids[run])
        again += len(found) - 1
    verdict.that(len(records) == 3 * len(ids), "I4: %d steps were sent, not %d", len(records), 3 * len(ids))
    check_landed(len(values) > 5, "only %d values of a secret were sent", len(values))
    check_landed(again >= planned, "%d requests were sent again, %d answers were to be lost", again, planned)
    verdict.end()
    world.inject(planned)
    world.land(min(again, planned))  # the killed ones' are beside them
    world.checked(sum(len(found) for found in records.values()))
    world.note("%d runs, %d requests again, %d rotations, %d values sent", len(ids), again, secrets.turns, len(values))


# ---- Row 49: no id twice ----

NAMES = ["s", "S", "\u00e9", "e\u0301", "\u4e2d\u6587", "\U0001f680", "a b", "a#2", "a[0]", "a!call", "a/b",
         "a~1b", "a~b", "~0", "%2F", "do", "0", "", ".", "..", "\u202e", "'", "\"", "\\", "x" * 300, "\u00df" * 200,
         "a\x01b", "for", "branches", "[1]", "#3", "try"]


def many(url, rounds):
    """Everything that makes steps: loops in loops, forks, equal names, backward jumps, passes of a block, calls."""
    def post(label):
        return {"call": "http", "with": {"method": "post", "endpoint": "%s/dedupe/keys" % url, "body": {"l": label}}}
    some_names = [{name: {"set": {"a": 1}}} for name in NAMES]
    return {
        "use": {"functions": {"f": {"do": [{"s": {"set": {"a": 1}}}, {"s": {"set": {"a": 2}}}][:1] + [
            {"again": {"set": {"a": 1}}}]}}}, "do": [
            {"names": {"do": some_names}},
            {"sent": {"do": [{name: post(name)} for name in NAMES]}},
            {"loop": {"for": {"each": "i", "in": "${ [range(%d)] }" % rounds}, "do": [
                {"loop": {"for": {"each": "j", "in": "${ [0, 1, 2] }"}, "do": [
                    {"s": {"set": {"a": 1}}}, {"a[0]": {"do": [{"s": {"set": {"a": 1}}}]}}]}},
                {"fork": {"fork": {"branches": [{"s": {"set": {"a": 1}}}, {"t": {"do": [{"s": {"set": {"a": 1}}}]}}]}}},
                {"call": {"call": "f"}}]}},
            {"count": {"set": {"n": "${ ($context.n // 0) + 1 }"}, "export": {"as": "${ {n: .n} }"}}},
            {"back": {"switch": [{"more": {"when": "${ $context.n < 5 }", "then": "count"}},
                                 {"on": {"then": "passes"}}]}},
            {"passes": {"try": [{"s": {"set": {"a": 1}}}, {"pass": {"set": {"a": 1}, "export": {
                "as": "${ {n: ($context.n + 1)} }"}}}, {"raise": {"if": "${ $context.n < 8 }", "raise": {"error": {
                    "type": "https://example.com/again", "status": 425}}}}],
                "catch": {"retry": {"limit": {"attempt": {"count": 5}}}}}}]}


@case(49)
def no_id_twice(world):
    """The ids of all steps of many runs: different, as derived from run and path, and plain."""
    db, recorder, verdict = world.db, world.new_recorder(bodies=True), Verdict()
    goal, rounds = world.size(10000, 100000, 1000000), world.size(40, 200, 1000)
    document = many(recorder.url, rounds)
    db.apply("many", document["do"], use=document["use"])
    ids, seen, keys = [], set(), collections.Counter()
    with world.pool(2) as pool:
        while len(seen) < goal:
            part = db.start("many", 4, len(ids) + 1)
            ids += part
            db.wait_idle(120)
            for run in part:
                rows = db.rows("select path, step_id from stepwell.steps where run_id = '%s'" % run)
                check(len(rows) > 10 * rounds, "only %d steps in run %s: %s", len(rows), run, db.statuses())
                before = len(seen)
                seen.update(hashlib.md5(r["step_id"].encode()).digest() for r in rows)
                verdict.that(len(seen) == before + len(rows), "I2: run %s: %d ids of %d steps", run,
                             len(seen) - before, len(rows))
                verdict.that(len({r["path"] for r in rows}) == len(rows), "I2: run %s: equal paths", run)
                wrong = [r for r in rows if r["step_id"] != step_id(run, r["path"])]
                verdict.none(wrong[:3], "I2: run %s: not derived from the path" % run)
                keys.update(r["step_id"] for r in rows if r["path"].startswith("/do/1/sent/do/"))
        pool.drain()
    all_completed(db, len(ids))
    records = recorder.records("/dedupe/keys")
    sent = collections.Counter(r["key"] for r in records)
    verdict.that(len(sent) == len(NAMES) * len(ids), "I2: %d keys for %d requests", len(sent), len(NAMES) * len(ids))
    verdict.that(set(sent) <= set(keys), "I2: keys that are no step ids: %s", some(set(sent) - set(keys)))
    for key in sent:
        verdict.that(key.isascii() and key.isprintable() and 0 < len(key) <= 255, "I2: the key %r", key)
    shown = json.loads(db.cli("history", ids[0], "-o", "json", expect=0)[1])
    wrong = [line for line in shown if line["path"] and line["stepId"] != step_id(ids[0], line["path"])]
    verdict.none(wrong[:3], "I2: history has another id")
    verdict.end()
    world.inject(len(seen))
    world.land(len(seen))
    world.checked(len(seen) + len(records))
    world.note("%d ids of %d runs, %d keys sent", len(seen), len(ids), len(sent))
