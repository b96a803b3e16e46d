"""Starts and orders from outside, all at once."""
import collections
import concurrent.futures
import json
import time

from harness import Pool, check, http_steps, records_of
from judges import all_completed, journal_is_whole


def start_key_race(world):
    """N starts with one key are one run; another input is refused."""
    db, recorder = world.database(), world.recorder()
    db.apply("http", http_steps(recorder.url, 2, "/dedupe"))
    for trial in range(world.size(1, 10)):
        key = "k%d" % trial
        with concurrent.futures.ThreadPoolExecutor(40) as threads:
            results = list(threads.map(lambda _: db.cli(
                "start", "crash/http", "--key", key, "--input", '{"n": 1}'), range(40)))
        check(all(code == 0 for code, _, _ in results), "exit codes: %s",
              collections.Counter((code, err) for code, _, err in results).most_common(3))
        check(len({out for _, out, _ in results}) == 1, "several runs for one key")
        code, _, err = db.cli("start", "crash/http", "--key", key, "--input", '{"n": 2}')
        check(code == 5, "the key with another input: exit %d %s", code, err)
        code, out, _ = db.cli("start", "crash/http", "--key", key, "--input", '{ "n":1 }')
        check(code == 0 and out == results[0][1], "the key with an equal input: exit %d", code)
        check(db.value("select count(*) from stepwell.runs") == str(trial + 1), "more runs than keys")
    with Pool(db, 1):
        db.wait_idle(20)
    all_completed(db, world.size(1, 10))
    journal_is_whole(db)


def order_races(world):
    """cancel, suspend, resume and retry of the same runs from many sides: documented exit codes,
    one end for each run, no effect twice, and nothing stuck."""
    db, recorder = world.database(), world.recorder()
    runs, orders = world.size(20, 150), world.size(80, 1500)
    db.apply("http", http_steps(recorder.url, 6, "/delay/100"))
    ids = db.start("http", runs)
    codes = collections.Counter()

    def order(plan):
        verb, run, pause = plan
        time.sleep(pause)
        code, _, err = db.cli(verb, run)
        codes[verb, code] += 1
        check(code in (0, 5), "%s: exit %d %s", verb, code, err)

    verbs = ["suspend", "resume", "retry", "suspend", "resume", "cancel"]
    plans = [(world.random.choice(verbs), world.random.choice(ids), world.random.uniform(0, 0.15))
             for _ in range(orders)]
    with Pool(db, 2, "--concurrency", "8", "--heartbeat", "200ms", "--lease", "2s") as pool:
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            list(threads.map(order, plans))
        end = time.monotonic() + 60
        while db.statuses().keys() - {"completed", "cancelled"}:
            check(time.monotonic() < end, "stuck: %s", db.statuses())
            for row in db.rows("select id from stepwell.runs where status = 'suspended'"):
                db.cli("resume", row["id"])
            time.sleep(0.2)
        pool.check_healthy()
    journal_is_whole(db)
    records = records_of(recorder)
    twice = {key: r for key, r in records.items() if sum(x["applied"] for x in r) != 1
             or len({x["key"] for x in r}) != 1}
    check(not twice, "applied more or less than once: %s", list(twice.items())[:3])
    check(any(count for (verb, code), count in codes.items() if code == 5), "void: no order was late")
    world.note("%s; %s", db.statuses(), json.dumps({"%s %d" % k: n for k, n in sorted(codes.items())}))


CASES = [start_key_race, order_races]
