"""What endpoints say of keys and of time (46): a table of answers, and what the documents promise for them."""
import dataclasses
import json
import urllib.parse

from catalogue import case
from harness import http_task, records_of, wait_for
from judges import Verdict, journal_is_whole
from workload import POLICY, step_id

DAY = 86400
PATH = "/do/0/s"
DONE = {"status": 200, "body": {"id": 1}}
CUT = {"cut": True}


@dataclasses.dataclass
class Told:
    """answers: one after the other, the last one for ever; or mode: what the recorder does. bad: how many
    of them are no success."""
    name: str
    metadata: dict
    end: str
    requests: int
    answers: list = None
    mode: str = None
    gaps: list = dataclasses.field(default_factory=list)  # seconds at least between two requests
    due: bool = False      # then it waits for a day
    renewed: bool = False  # and completes under a new id


def statuses(code, count=1):
    return [{"status": code, "body": "no"}] * count


def conflicts(chance, most, size):
    """409, under each onConflict."""
    again, after = {"onConflict": "retry"}, {"retryPolicy": "quick"}
    for k in [1, chance.randint(1, most), most]:
        gaps = [0.5 * 2 ** i for i in range(k)]
        yield Told("409 x %d" % k, again, "completed", k + 1, statuses(409, k) + [DONE], gaps=gaps)
        yield Told("lost, 409 x %d" % k, after, "completed", k + 2, [CUT] + statuses(409, k) + [DONE],
                   gaps=[0.02] + gaps)
    # What the policy has spent before is not taken from the eight.
    trouble = chance.randint(8, 12)
    yield Told("503 x %d, lost, 409" % trouble, {"retryPolicy": "patient"}, "completed", trouble + 3,
               statuses(503, trouble) + [CUT] + statuses(409) + [DONE])
    yield Told("503 x %d, 409" % trouble, {"retryPolicy": "patient", "onConflict": "retry"}, "completed", trouble + 2,
               statuses(503, trouble) + statuses(409) + [DONE])
    yield Told("409 is success", {"onConflict": "success"}, "completed", 1, statuses(409))
    yield Told("lost, 409 is success", {"onConflict": "success", **after}, "completed", 2, [CUT] + statuses(409))
    yield Told("409", {}, "faulted", 1, statuses(409))
    yield Told("409 and a policy", after, "faulted", 1, statuses(409))
    yield Told("409 is an error", {"onConflict": "fail", **after}, "faulted", 1, statuses(409))
    yield Told("lost, 409 is an error", {"onConflict": "fail", **after}, "faulted", 2, [CUT] + statuses(409))
    if size:  # it takes two minutes
        gaps = [0.5 * 2 ** i for i in range(8)]
        yield Told("409 for ever", again, "faulted", 9, statuses(409), gaps=gaps)
        yield Told("lost, 409 for ever", after, "suspended", 10, [CUT] + statuses(409), gaps=[0.02] + gaps)


def refusals(chance):
    """The key is refused, or the request; the endpoint is in trouble; the trouble is replayed."""
    policy = {"retryPolicy": "quick"}
    for code in (400, 422, chance.choice((401, 403, 404, 405, 410, 413, 415, 428))):
        yield Told("%d" % code, policy, "faulted", 1, statuses(code))
        yield Told("lost, then %d" % code, policy, "faulted", 2, [CUT] + statuses(code))
    for code in (408, 425, 429, 500, chance.choice((502, 503, 504, 507, 599))):
        bad = chance.randint(1, 2)
        yield Told("%d x %d" % (code, bad), policy, "completed", bad + 1, statuses(code, bad) + [DONE])
        yield Told("%d for ever" % code, policy, "faulted", 3, statuses(code))
        yield Told("%d without a policy" % code, {}, "faulted", 1, statuses(code))
    yield Told("replayed 500", policy, "faulted", 3, mode="/replay500", renewed=True)
    yield Told("lost, at most once", {"onUncertain": "fail", **policy}, "faulted", 1, [CUT, DONE])
    yield Told("503, at most once", {"onUncertain": "fail", **policy}, "completed", 2, statuses(503) + [DONE])


def later(chance):
    """Retry-After, in all its spellings."""
    policy = {"retryPolicy": "quick"}

    def told(after, requests=2, end="completed", code=None, **more):
        code, seconds = code or chance.choice((429, 503)), more.pop("seconds", 0)
        mode = "/429?" + urllib.parse.urlencode({"status": code, "after": after, "seconds": seconds})
        return Told("%d, Retry-After: %s %s" % (code, after, seconds or ""), policy, end, requests, mode=mode, **more)

    yield told("1", gaps=[1])
    yield told("1", code=429, gaps=[1])
    yield told("date", seconds=2, gaps=[1])
    yield told("0")
    yield told("-1")
    yield told("date", seconds=-100000)
    for text in ("soon", "", "+5", "Thu, 99 Foo 2026 00:00:00 GMT", "0x10000000", "\x01", "-" + "9" * 20):
        yield told(text)
    for text in ("1000000000", "9" * 30, "18446744073709551617", str(2 ** 63), "86401"):
        yield told(text, 1, "waiting", due=True)
    yield told("date", 1, "waiting", seconds=400 * DAY, due=True)
    yield told("1000000000", code=500)
    yield told("1000000000", code=408)
    yield Told("429, Retry-After without a policy", {}, "faulted", 1,
               [{"status": 429, "body": "no", "headers": {"Retry-After": "1"}}])


def draw(world):
    rows = []
    for _ in range(world.size(1, 20, 200)):
        rows += conflicts(world.random, world.size(1, 4, 6), world.sizes)
        rows += refusals(world.random)
        rows += later(world.random)
    for n, row in enumerate(rows):
        world.plan("%d: %s", n, row.name)
    return rows


def start(db, recorder, rows):
    """A run for each row: id -> row. Rows that ask the same share a definition."""
    asking = {}
    for row in rows:
        mode, _, query = (row.mode or "/dedupe").partition("?")
        task = http_task(recorder.url, mode + "/{run}/s" + ("?" + query if query else ""), metadata=row.metadata)
        asking.setdefault(json.dumps(task), []).append((mode, row))
    runs, answers = {}, {}
    for n, (task, same) in enumerate(asking.items()):
        db.apply("told-%d" % n, [{"s": json.loads(task)}], use={"retries": {
            "quick": dict(POLICY, limit={"attempt": {"count": 2}}), "patient": POLICY}})
        for run, (mode, row) in zip(db.start("told-%d" % n, len(same)), same):
            runs[run] = row
            if row.answers:
                answers["%s/%s/s" % (mode, run)] = row.answers
    recorder.answer(answers)
    return runs


def judge(verdict, row, run, found, state):
    where = "%s: run %s" % (row.name, run)
    times = [r["t"] for r in found]
    verdict.that(len(found) == row.requests, "I10: %s: %d requests, not %d", where, len(found), row.requests)
    verdict.that(state["status"] == row.end, "I2: %s: %s, not %s", where, state["status"], row.end)
    verdict.that({r["key"] for r in found} == {step_id(run, PATH)}, "I2: %s: keys %s", where,
                 {r["key"] for r in found})
    verdict.that(len({(r["sha256"], r["head"]) for r in found}) == 1, "I11: %s: several requests", where)
    for least, one, two in zip(row.gaps, times, times[1:]):
        # The request comes a little later than it was decided; the gap starts with the answer.
        verdict.that(two - one >= least, "I10: %s: %.3f s between two requests, %.1f at least", where, two - one,
                     least)
    if row.due:
        verdict.that(DAY - 600 < state["left"] <= DAY + 1, "I10: %s: waits for %s s", where, state["left"])


def wait_settled(db, timeout):
    """All runs have ended, or wait for a day."""
    wait_for(lambda: not db.count("stepwell.lease where state <> 'suspended' and (owner is not null or "
                                  "due < now() + interval '10 minutes')"), timeout, "the runs settle", 0.1)


@case(46, long=True)
def key_protocol(world):
    """Every row of the table: how many requests come, when, under which key, and how the run ends."""
    db, recorder, verdict = world.db, world.recorder, Verdict()
    rows = draw(world)
    runs = start(db, recorder, rows)
    with world.pool(1, "--concurrency", "256") as pool:
        wait_settled(db, world.size(30, 300, 600))
        renewed = [run for run, row in runs.items() if row.renewed]
        found = records_of(recorder)
        states = {r["id"]: r for r in db.rows(
            "select r.id, r.status, case when isfinite(l.due) then extract(epoch from l.due - now()) end as left "
            "from stepwell.runs r left join stepwell.lease l on l.run_id = r.id")}
        for run, row in runs.items():
            judge(verdict, row, run, found.get((run, "s"), []), states[run])
        for run in renewed:
            db.cli("retry", run, "--new-id", expect=0)
        wait_settled(db, 30)
        pool.drain()
    after = records_of(recorder)
    for run in renewed:
        keys = [r["key"] for r in after[run, "s"]]
        verdict.that(keys == [step_id(run, PATH)] * 3 + [step_id(run, PATH, 1)], "I2: a new id: %s", keys)
    done = db.count("stepwell.runs where status = 'completed'")
    verdict.that(done == sum(row.end == "completed" for row in rows) + len(renewed), "I2: %d have completed", done)
    for place, records in after.items():
        verdict.that(place[0] in renewed or len(records) == len(found[place]), "I10: %s was sent again", place)
    verdict.end()
    journal_is_whole(db)
    total = sum(len(records) for records in after.values())
    world.inject(sum(row.requests - (row.end == "completed" and row.metadata.get("onConflict") != "success")
                     for row in rows))
    world.land(sum(r["status"] != 200 for records in found.values() for r in records))
    world.checked(total)
    world.note("%d rows of the table", len(rows))
