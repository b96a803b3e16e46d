"""Answers that break HTTP or never end (45): the memory and the time that they cost are bounded, the attempt is
uncertain and never a success, and what may be sent only once is not sent again."""
from broken import BROKEN, GOOD
from catalogue import case
from harness import http_task, records_of
from judges import Verdict, journal_is_whole
from workload import QUICK


def outcomes(db):
    """How the attempts of all steps ended, by run: completed, faulted or uncertain."""
    found = {}
    for row in db.rows(
            "select run_id, case when uncertain then 'uncertain' else op end as op from (select run_id, seq, "
            "o ->> 'op' as op, (o ->> 'uncertain')::boolean as uncertain, o ->> 'path' as path from stepwell.journal j "
            "cross join lateral json_array_elements(j.data) o) ops where path = '/do/0/s' and op in ('completed', "
            "'faulted', 'cancelled', 'lost') order by run_id, seq"):
        found.setdefault(row["run_id"], []).append(row["op"])
    return found


@case(45, long=True)
def broken_responses(world):
    """Every broken answer, several at once: beside them other runs go on."""
    db, recorder, verdict = world.db, world.recorder, Verdict()
    each, timeout = world.size(1, 20, 100), 4 if world.sanitized else 1
    names = [name for name in [*GOOD, *BROKEN] if name != "gzip-bomb-large" or world.sizes]  # it takes a while to pack
    drawn = [name for name in names for _ in range(each)]
    runs = {}
    patient = {"timeout": {"after": "PT30S"}}  # whatever the recorder is busy with
    for rule, metadata in (("plain", {}), ("once", {"onUncertain": "fail", "retryPolicy": "quick"})):
        world.random.shuffle(drawn)
        world.plan("%s: %s", rule, " ".join(drawn))
        for kind, names_of, more in (("broken", BROKEN, {}), ("good", GOOD, patient)):
            db.apply("%s-%s" % (kind, rule), [{"s": dict({"call": "http", "with": {
                "method": "post", "body": {"n": 1},
                "endpoint": "${ \"%s/broken/\" + .to + \"/\" + $workflow.id + \"/s\" }" % recorder.url},
                "metadata": metadata}, **more)}], **QUICK)
            chosen = [name for name in drawn if name in names_of]
            runs.update(zip(db.start_with("%s-%s" % (kind, rule), [{"to": name} for name in chosen]),
                            [(rule, name) for name in chosen]))
    beside = world.size(20, 500, 5000)
    db.apply("beside", [{"s%d" % i: http_task(recorder.url, "/dedupe/{run}/s%d" % i, **patient)} for i in range(3)])
    with world.pool(1, "--http-timeout", "%ds" % timeout, "--concurrency", "32") as pool:
        pool.wait_ready()
        worker = pool.workers[0]
        before, files = worker.peak_mib(), worker.files()
        db.start("beside", beside)
        db.wait_idle(world.size(60, 600, 3000))
        peak, after = worker.peak_mib(), worker.files()
        pool.drain()
    records, ended = records_of(recorder), outcomes(db)
    state = {r["id"]: r for r in db.rows(
        "select r.id, r.status, extract(epoch from s.ended_at) as ended, r.error, r.output from stepwell.runs r "
        "join stepwell.steps s on s.run_id = r.id and s.name = 's'")}
    slowest = 0
    for run, (rule, name) in runs.items():
        good, row, got = name in GOOD, state[run], ended[run]
        came = records.get((run, "s"), [])
        sent, took = len(came), row["ended"] - came[-1]["since"] if came else 0
        if not good and not sent and set(got) == {"faulted"}:
            world.inject()
            continue  # on a busy machine it was not even sent in time
        verdict.that(got[-1] == ("completed" if good else "uncertain"), "I8: %s, %s: %s: %s", name, rule, got,
                     row["error"])
        verdict.that(row["status"] == ("completed" if good else "faulted"), "I8: %s, %s: %s: %.100s", name, rule,
                     row["status"], row["output"])
        # A recorder that is busy with the others may not have read it in time.
        verdict.that(sent <= 1, "I3: %s, %s: sent %d times", name, rule, sent)
        verdict.that(good or took <= timeout + world.within(60, 3, 3), "I10: %s, %s: took %.1f s", name, rule, took)
        slowest = max(slowest, 0 if good else took)
        world.inject(not good)
        world.land(not good and sent)
    verdict.none(db.rows("select id, status, error from stepwell.runs where name = 'beside' and status <> 'completed'"),
                 "I5: beside")
    verdict.that(after <= files + 64, "I8: %d files are open, %d at first", after, files)
    # 32 bodies of 1 MiB, and what it takes to look at them.
    verdict.that(world.sanitized or peak <= before + 96, "I10: %.0f MiB, %.0f at first", peak, before)
    verdict.end()
    journal_is_whole(db)
    world.figure("peak", peak)
    world.checked(len(runs) + beside)
    world.figure("slowest", slowest)
    world.note("%d kinds, %.0f MiB resident at most, %.1f s at most", len(names), peak, slowest)
