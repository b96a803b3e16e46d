"""Events: taken exactly once by each run that they concern, while workers are killed."""
from catalogue import case
from harness import check, wait_for
from judges import all_completed, healthy, journal_is_whole, kills_that_hit
from rows_crash import NO_POISON, kill_one
from sessions import SOON

EMIT = ("select stepwell.emit(json_build_object('id', %s, 'source', '/crash', 'type', '%s', "
        "'data', json_build_object('n', n))) from generate_series(%d, %d) n")


def listener(kind, **more):
    return {"wait": dict({"listen": {"to": dict({"any": [{
        "with": {"type": kind},
        "correlate": {"n": {"from": "${ .data.n }", "expect": "${ $workflow.input.n }"}}}]},
        **more.pop("to", {}))}}, **more)}


def emit_in_parts(world, db, kind, count, each):
    """In several transactions, in random order, some events twice."""
    parts = [(first, min(first + 9, count), k) for first in range(1, count + 1, 10)
             for k in range(each)]
    world.random.shuffle(parts)
    for first, last, k in parts + parts[: len(parts) // 10]:
        db.psql(EMIT % ("'%s-%d-' || n" % (kind, k), kind, first, last))
        yield


def taken(db):
    return db.rows("select j.run_id, count(*) as n, count(distinct o.value ->> 'output') as different "
                   "from stepwell.journal j cross join lateral json_array_elements(j.data) o "
                   "where o.value ->> 'op' = 'received' group by 1")


def kill(world, pool):
    choice = world.random.random()
    world.plan("kill busy %.3f", choice)
    kill_one(pool, choice, victims=pool.owners)
    world.inject()


def check_nothing_left(db):
    for table in ("subscription", "taken", "delivery"):
        left = db.count("stepwell." + table)
        check(left == 0, "%d rows are left in %s", left, table)


@case(1)
def kill_workers_listen(world):
    """As many events as runs, each for one run."""
    db = world.db
    count, kills = world.size(300, 3000, 10000), world.size(5, 20, 20)
    db.apply("one", [listener("one")])
    db.start("one", count)
    with world.pool(3, *SOON, *NO_POISON) as pool:
        for _ in emit_in_parts(world, db, "one", count // 2, 1):
            pass  # many of them are there before their listeners
        step = max(1, count // 2 // (2 * kills))
        for first in range(count // 2 + 1, count + 1, step):
            db.psql(EMIT % ("'one-0-' || n", "one", first, min(first + step - 1, count)))
            if len(pool.killed) < kills and world.random.random() < 0.7:
                kill(world, pool)
        while len(pool.killed) < kills and db.count("stepwell.runs where status = 'completed'") < count:
            kill(world, pool)
        db.wait_idle(world.size(60, 600, 600))
    healthy(pool.all())
    all_completed(db, count)
    journal_is_whole(db)
    rows = taken(db)
    check(len(rows) == count and all(r["n"] == 1 for r in rows), "I2: %d of %d runs took an event; %s",
          len(rows), count, [r for r in rows if r["n"] != 1][:5])
    wrong = db.count("stepwell.runs where output::jsonb <> jsonb_build_array(jsonb_build_object('n', "
                     "input -> 'n'))")
    check(wrong == 0, "I4: %d runs took another run's event", wrong)
    check_nothing_left(db)
    world.checked(count)
    world.land(kills_that_hit(db, pool.killed)[0])
    world.note("%d events, %d runs, %d kills", count, count, len(pool.killed))


@case(1)
def kill_workers_foreach(world):
    """Several events for each run, handled one after the other, each emits one itself."""
    db = world.db
    count, each, kills = world.size(40, 500, 500), 4, world.size(5, 20, 20)
    db.apply("each", [listener(
        "each", to={"until": "length >= %d" % each},
        foreach={"item": "ev", "at": "i", "do": [
            {"nap": {"wait": {"milliseconds": 20}}},
            {"tell": {"emit": {"event": {"with": {
                "type": "told", "source": "/told",
                "data": {"n": "${ $ev.n }", "i": "${ $i }"}}}}}}]})])
    db.start("each", count)
    with world.pool(3, *SOON, *NO_POISON) as pool:
        for _ in emit_in_parts(world, db, "each", count, each):
            if len(pool.killed) < kills and world.random.random() < 0.5:
                kill(world, pool)
        db.wait_idle(world.size(60, 300, 300))
    healthy(pool.all())
    all_completed(db, count)
    journal_is_whole(db)
    rows = taken(db)
    check(len(rows) == count and all(r["n"] == each for r in rows), "I2: taken: %s",
          [r for r in rows if r["n"] != each][:5])
    told = db.count("stepwell.event where type = 'told'")
    check(told == count * each, "I2: %d events were told, not %d", told, count * each)
    check_nothing_left(db)
    world.checked(2 * count * each)
    world.land(kills_that_hit(db, pool.killed)[0])
    world.note("%d events, %d kills", count * each, len(pool.killed))


@case(61)
def matching_is_a_lookup(world):
    """Tens of thousands of listeners that wait for another order each: an event touches one."""
    db = world.db
    db.apply("one", [listener("one")])
    db.start("one", 2)
    waiting = "stepwell.lease where state = 'waiting' and owner is null"
    with world.pool(1) as pool:
        wait_for(lambda: db.count(waiting) == 2, 30, "they listen")
        others = world.size(20000, 100000, 100000)
        db.psql("insert into stepwell.subscription select gen_random_uuid(), path, filter, reference, "
                "stepwell.event_key(type, source, subject, shape, '[' || n || ']'), type, source, "
                "subject, shape from (select * from stepwell.subscription limit 1) s, generate_series(3, %d) n; "
                "analyze stepwell.subscription" % others)
        versions = "select string_agg(xmin::text, ' ') from stepwell.lease where run_id in (select id from " \
            "stepwell.runs where input ->> 'n' = '2')"
        before = db.psql(versions)
        db.psql(EMIT % ("'e' || n", "one", 1, 1))
        wait_for(lambda: db.count(waiting) == 1, 30, "the one has taken it")
        check(db.psql(versions) == before, "I10: the other was told")
        db.psql(EMIT % ("'e' || n", "one", 2, 2))
        db.wait_idle(30)
        healthy(pool.all())
    plan = db.psql("explain (analyze, costs off, timing off) select s.run_id from unnest(array["
                   "stepwell.event_key('one', null, null, '[\"${ .data.n }\"]', '[77]')]) k(key) "
                   "join stepwell.subscription s on s.key = k.key")
    check("subscription_key" in plan and "rows=1 " in plan, "I10: the plan: %s", plan)
    world.checked(others)
    world.note("%d subscriptions", others)
