"""Answers that are lost (43), that never come since nothing was asked (44), and that are broken (45): what
the journal calls the attempt, and what follows from that."""
import itertools
import json

from catalogue import case
from endpoints import Endpoint, refusing_port
from harness import check, http_task, records_of, some, wait_for
from judges import Verdict, all_completed, effects_once, journal_is_whole
from workload import POLICY, QUICK, RETRIED

SHARE = 0.1  # of the requests


def outcomes_of(db, run, path="/do/0/s"):
    """What `wfctl history` calls the attempts of a step."""
    lines = json.loads(db.cli("history", run, "-o", "json", expect=0)[1])
    return [line["outcome"] for line in lines if line["path"] == path and line["outcome"]
            and line["kind"] in ("faulted", "completed", "uncertain", "cancelled", "lost")]


# ---- Row 43: applied, and the answer is lost ----

def draw_losses(world, runs, steps):
    """For each run: for each step, how it is lost, and how often."""
    for n in range(1, runs + 1):
        drawn = [world.random.choice((1, 1, 1, 2, 3)) if world.random.random() < world.size(0.3, SHARE, SHARE)
                 else 0 for _ in range(steps)]
        modes = [world.random.choice(("drop_after_apply", "truncate", "late")) for _ in range(steps)]
        world.plan("run %d: %s", n, ", ".join("%s %d" % pair for pair in zip(modes, drawn) if pair[1]) or "none")
        yield {"n": n, "to": ["/%s" % mode for mode in modes], "count": drawn}


@case(43)
def response_lost(world):
    """A share of the answers is lost: cut off, cut in the middle, or later than the task's timeout. The
    effect has happened; it must not happen again, and the retries must be the same requests."""
    db, recorder, steps = world.db, world.recorder, 5
    runs = world.size(40, 2000, 20000)
    labels = ["s%d" % i for i in range(steps)]
    db.apply("lost", [{label: {
        "call": "http", "with": {"method": "post", "endpoint": (
            "${ \"%s\" + $workflow.input.to[%d] + \"/\" + $workflow.id + \"/%s?count=\" + "
            "($workflow.input.count[%d] | tostring) }" % (recorder.url, i, label, i)),
            "body": {"n": "${ $workflow.input.n }", "\u00e9": "\u4e2d ${ $workflow.id }"},
            "headers": {"X-Step": label}},
        "timeout": {"after": {"milliseconds": 700}}, "metadata": RETRIED}} for i, label in enumerate(labels)],
        **QUICK)
    given = list(draw_losses(world, runs, steps))
    ids = []
    with world.pool(2, "--concurrency", "32") as pool:
        for first in range(0, runs, 500):
            ids += db.start_with("lost", given[first:first + 500])
            db.wait_idle(120)
        pool.drain()
    all_completed(db, runs)
    journal_is_whole(db)
    planned = sum(sum(values["count"]) for values in given)
    again = effects_once(db, recorder, ids, labels)
    records = records_of(recorder)
    lost = sum(r["status"] is None for found in records.values() for r in found)
    late = again - lost  # a busy machine's: answered, and not in time
    check(lost == planned and late >= 0, "I2: %d answers were to be lost, %d were; sent again %d times",
          planned, lost, again)
    uncertain = db.value("select count(*) from stepwell.journal j cross join lateral "
                         "json_array_elements(j.data) o where (o ->> 'uncertain')::boolean")
    check(int(uncertain) == again, "I4: %s attempts are journaled as uncertain, %d were sent again", uncertain,
          again)
    world.inject(planned)
    world.land(lost)
    world.checked(sum(len(found) for found in records.values()))
    world.note("%d runs, %d steps, %d requests besides", runs, runs * steps, again)


# ---- Row 44: not sent, or uncertain ----

def unsent(world, endpoint):
    """Ends of an attempt of which nothing has left this machine: name -> URL."""
    return {
        "refused": "http://127.0.0.1:%d" % refusing_port("127.0.0.1", world.ends),
        "refused6": "http://[::1]:%d" % refusing_port("::1", world.ends),
        "full": endpoint("full").url,              # no answer to SYN
        "dns": "http://nobody-%d.invalid" % world.random.randrange(1 << 30),
        "dns-long": "http://%s.invalid" % ".".join(["x" * 63] * 3),
        "link-local": "http://169.254.169.254",
        "tls-plain": endpoint("plain").url.replace("http:", "https:"),
        "tls-self": endpoint("self-signed").url,   # nobody vouches for it
        "tls-close": endpoint("close").url.replace("http:", "https:"),
        "tls-reset": endpoint("reset").url.replace("http:", "https:"),
        "tls-silent": endpoint("silent").url.replace("http:", "https:")}


def uncertain(world, endpoint):
    """The request was sent, or may have been."""
    return {
        "dropped": world.recorder.url + "/drop_before_apply",
        "accepted-closed": endpoint("close").url,
        "silent": endpoint("silent").url,
        "read-closed": endpoint("read-close").url,
        "read-reset": endpoint("read-reset").url,
        "half": endpoint("half").url}


SILENT = ("full", "silent", "tls-silent")


@case(44)
def never_applied(world):
    """Each end under each rule: `history` has the right class for every attempt; what was not sent is an
    error that policies retry whatever the rule is; what is uncertain follows the rule."""
    db, verdict = world.db, Verdict()
    def endpoint(name):
        return world.once("endpoint " + name, lambda: Endpoint(name, world.ends))

    classes = {name: ("error", url) for name, url in unsent(world, endpoint).items()}
    classes.update({name: ("uncertain", url) for name, url in uncertain(world, endpoint).items()})
    retries = 2
    policy = dict(POLICY, limit={"attempt": {"count": retries}})
    runs = {}
    each = world.size(1, 10, 100)
    rules = {name: world.random.sample(("fail", "hold"), world.size(1, 2, 2)) for name in classes}
    # Only those that nobody answers wait for it; on a busy machine the others take their time.
    timeouts = {"short": {"seconds": 3} if world.sanitized else {"milliseconds": 700}, "long": {"seconds": 60}}
    for rule, (length, timeout) in itertools.product(("retry", "fail", "hold"), timeouts.items()):
        workflow = "never-%s-%s" % (rule, length)
        db.apply(workflow, [{"s": {
            "call": "http", "with": {"method": "post", "endpoint": "${ .url + \"/\" + $workflow.id + "
                                     "\"/s?count=9\" }", "body": {"n": "${ .n }"}},
            "timeout": {"after": timeout}, "metadata": {"onUncertain": rule, "retryPolicy": "quick"}}}],
            use={"retries": {"quick": policy}})
        names = [name for name in classes for _ in range(each) if (rule == "retry" or rule in rules[name])
                 and (length == "short") == (name in SILENT)]
        world.random.shuffle(names)
        world.plan("%s: %s", workflow, " ".join(names))
        ids = db.start_with(workflow, [{"n": 1, "url": classes[name][1]} for name in names])
        runs.update({run: (rule, name) for run, name in zip(ids, names)})
    with world.pool(1, "--concurrency", "64") as pool:
        db.wait_idle(60)
        pool.drain()
    status = {r["id"]: r["status"] for r in db.rows("select id, status from stepwell.runs")}
    for run, (rule, name) in runs.items():
        wanted = classes[name][0]
        got = outcomes_of(db, run)
        tries = 1 if wanted == "uncertain" and rule != "retry" or name == "link-local" else 1 + retries
        end = "suspended" if wanted == "uncertain" and rule == "hold" else "faulted"
        verdict.that(got == [wanted] * tries, "I4: %s, onUncertain %s: %s, not %d times %s\n%s", name, rule,
                     got, tries, wanted, db.cli("history", run, "-o", "json")[1][-900:])
        verdict.that(status[run] == end, "I4: %s, onUncertain %s: %s, not %s", name, rule, status[run], end)
        world.inject(tries)
        world.land(len(got))
    applied = [r for found in records_of(world.recorder).values() for r in found if r["applied"]]
    verdict.that(not applied, "I4: applied: %s", some(applied))
    verdict.end()
    journal_is_whole(db)
    world.checked(world.result.landed)


@case(44)
def not_sent_then_sent(world):
    """Attempts that were not sent are followed by one that is, under every rule: once at an endpoint
    without keys."""
    db = world.db
    count = world.size(6, 60, 600)
    kept = []
    port = refusing_port("127.0.0.1", kept)
    for rule in ("fail", "hold"):
        db.apply("later-" + rule, [{"s": http_task("http://127.0.0.1:%d/nodedupe" % port, "/{run}/s", metadata={
            "onUncertain": rule, "retryPolicy": "quick"})}], **QUICK)
    ids = db.start("later-fail", count) + db.start("later-hold", count)
    with world.pool(1) as pool:
        pool.wait_ready()
        faulted = "stepwell.journal j cross join lateral json_array_elements(j.data) o " \
            "where o ->> 'op' = 'faulted'"
        wait_for(lambda: db.count(faulted) >= 2 * count, 30, "each is refused once")
        kept.pop()()
        recorder = world.new_recorder(port=port)
        db.wait_idle(30)
        pool.drain()
    all_completed(db, len(ids))
    journal_is_whole(db)
    wrong = {k: len(r) for k, r in records_of(recorder).items() if len(r) != 1}
    check(not wrong and len(records_of(recorder)) == len(ids), "I3: deliveries: %s", some(wrong.items()))
    refused = db.count(faulted)
    world.inject(refused)
    world.land(refused)
    world.checked(len(ids))


@case(44)
def answered_then_reset(world):
    """An answer that has come whole is the answer, although the connection is reset right behind it."""
    db, count = world.db, world.size(30, 300, 3000)
    endpoint = Endpoint("answer-reset", world.ends)
    db.apply("reset", [{"s": http_task(endpoint.url, "/{run}/s", metadata={"onUncertain": "hold"})}])
    db.start("reset", count)
    with world.pool(1, "--concurrency", "8") as pool:
        db.wait_idle(30)
        pool.drain()
    world.inject(count)
    world.land(endpoint.served)
    check(endpoint.served == count, "I3: %d deliveries of %d steps", endpoint.served, count)
    all_completed(db, count)
    journal_is_whole(db)
    world.checked(count)
