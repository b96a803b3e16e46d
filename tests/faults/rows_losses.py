"""What a pool does about losses that were no run's fault, and what becomes of runs that had some (row 62), and
where workers log in as different roles (row 66)."""
import contextlib
import os
import signal
import subprocess
import sys
import time

from catalogue import case
from harness import check, check_landed, http_steps, http_task, wait_for
from judges import OPS, all_completed, complete, effects_once, healthy, journal_is_whole
from rows_crash import pick
from rows_rights import role
from servers import die_with_us
from sessions import CLAIM, CONTROL, LEASE, SOON

PROCESSES = 4  # for suspects, that a worker may have


@case(66)
def login_of_another(world):
    """A worker that is frozen while it holds runs is taken over by one that sees its sessions and may
    not end them; also when one of the runs is locked by such a session."""
    db, recorder = world.db, world.recorder
    group, logins = db.name + "_g", [db.name + "_wa", db.name + "_wb"]
    role(db, group)
    db.psql("create role {0} login in role {2}; create role {1} login in role {2}; grant pg_monitor to {1}".format(
        *logins, group))
    world.ends.append(lambda: db.psql("drop role {0}, {1}; drop owned by {2}; drop role {2}".format(*logins, group)))
    first, second = (db.conninfo.replace("user=postgres", "user=" + login) for login in logins)
    db.apply("http", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")},
                      {"s2": http_task(recorder.url, "/dedupe/{run}/s2")}])
    ids = db.start("http", count := world.size(4, 40, 400))
    frozen = world.worker(*SOON, conninfo=first)
    recorder.wait("/hold", count)
    frozen.send_signal(signal.SIGSTOP)
    world.inject(count)
    world.land(frozen.owned())
    helper = world.worker(*SOON, conninfo=second)
    wait_for(lambda: not frozen.owned(), 30, "I5: the runs of a frozen worker are taken over")
    recorder.wait("/hold", 2 * count)
    recorder.release("gate")
    db.wait_idle(60)
    check("ermission" not in helper.output(), "I8: %s", helper.output())
    frozen.send_signal(signal.SIGCONT)
    healthy([helper])
    all_completed(db, count)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2"])
    world.checked(2 * count)


@case(62)
def losses_of_nobody(world):
    """Runs of short steps while their workers are killed at random, with short leases, on a machine that is
    busy besides: many are suspects again and again; none is suspended, none is lost."""
    db, recorder = world.db, world.recorder
    count, kills = world.size((150, 6), (1000, 40), (1000, 40))
    db.apply("http", http_steps(recorder.url, 6, "/delay/200"))
    with contextlib.ExitStack() as stack:
        for _ in range(world.size(1, os.cpu_count(), os.cpu_count())):
            burn = subprocess.Popen(die_with_us(sys.executable, "-c", "while True: pass"))
            stack.callback(burn.wait)
            stack.callback(burn.kill)
        pool = stack.enter_context(world.pool(3, "--lease", "2s", "--heartbeat", "500ms", "--concurrency", "16"))
        pool.wait_ready()
        ids = db.start("http", count)
        for _ in range(kills):
            pause, choice = world.random.uniform(world.size(0.8, 0.2, 0.2), world.size(1.8, 1.2, 1.2)), world.random.random()
            world.plan("after %.3f s kill %.3f", pause, choice)
            time.sleep(pause)
            found = wait_for(lambda: holders(db, pool) or not db.active() and [0], 30, "somebody has runs")
            world.inject()
            world.land(db.active() > 0)
            pool.kill(pick(found, choice))
        began = time.monotonic()
        db.wait_idle(world.size(60, 300, 300))
        world.note("%d runs, %d kills, over %.1f s after the last; %d runs were suspects, %d processes for them",
                   count, kills, time.monotonic() - began, *suspects(db))
        pool.wait_ready()
        pool.drain()
    all_completed(db, count)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s%d" % i for i in range(1, 7)])
    world.checked(6 * count)


def held(world):
    """A worker behind the proxy, and a run of one held step that has lost two workers; nobody has it."""
    db = world.db
    db.apply("held", [{"s1": http_task(world.recorder.url, "/hold/gate/{run}/s1")}])
    run = db.psql("begin; select stepwell.start('crash/held', '{\"n\": 1}') as id \\gset\n"
                  "update stepwell.lease set due = 'infinity', losses = 2, lost_at = now(), lost_seq = (select "
                  "max(seq) from stepwell.entry where run_id = :'id') where run_id = :'id'; commit; select :'id';")
    return world.worker(*SOON, proxied=True), run


def goes_on(world, run):
    """It is executed, and of what was before nothing is left in the name of its worker, which has lived."""
    db, recorder = world.db, world.recorder
    wait_for(lambda: recorder.records("/hold"), 2 * LEASE + 3, "I5: the run goes on")
    wait_for(lambda: processes(db) == 1, 2 * LEASE + 3, "I5: one process for suspects is left")
    check("waits for a process" not in db.cli("status", run, expect=0)[1], "I8: it is said to wait")
    recorder.release("gate")
    complete(world, 1)
    effects_once(db, recorder, [run], ["s1"])
    wait_for(lambda: processes(db) == 0, 10, "I10: no process for suspects is left")
    world.check_workers()
    world.inject()
    world.land()
    world.checked(1)


def processes(db):
    return db.count("stepwell.worker where parent is not null")


@case(62)
def suspects_entered_unheard(world):
    """The answers to what enters processes for suspects are lost, as often as there may be processes."""
    run = held(world)[1]
    rules = [world.proxy.rule(CONTROL, "after", sql="insert into stepwell.worker (id, parent") for _ in range(PROCESSES)]
    world.db.psql("update stepwell.lease set suspect_at = now()")
    for rule in rules:
        check_landed(rule.hit.wait(30), "an answer was not lost")
    goes_on(world, run)


@case(62)
def suspects_taken_unheard(world):
    """The answer to a claim of suspects is lost: they belong to a process that was never started."""
    run = held(world)[1]
    rule = world.proxy.rule(CONTROL, "after", sql=CLAIM, when=lambda tags: len(tags) == 2 and tags[0] == "SELECT 1")
    world.db.psql("update stepwell.lease set suspect_at = now()")
    check_landed(rule.hit.wait(20), "no claim was cut")
    goes_on(world, run)


@case(62)
def suspects_not_taken(world):
    """Somebody holds a table that claims of suspects read, until more have failed than there may be processes."""
    worker, run = held(world)
    holder = world.holder("lock table stepwell.run in access exclusive mode")
    world.db.psql("update stepwell.lease set suspect_at = now()")
    wait_for(lambda: worker.output().count("taking suspects") > PROCESSES, 30, "I5: claims of suspects are tried again")
    holder.kill()
    goes_on(world, run)


@case(62)
def suspects_left_behind(world):
    """What a worker asked for over a connection that it had given up came to pass later: processes are entered
    that it does not know, one of which owns the run."""
    worker, run = held(world)
    world.db.psql(
        "insert into stepwell.worker (id, parent, host, pid, version, expires_at, postmaster_started_at, by_place) "
        "select gen_random_uuid(), p.id, p.host, 0, p.version, now() + interval '2 seconds', p.postmaster_started_at, true "
        "from stepwell.worker p, generate_series(1, %d) where p.id = '%s'; update stepwell.lease set state = 'running', "
        "suspect_at = now(), owner = (select id from stepwell.worker where parent is not null limit 1)"
        % (PROCESSES, worker.uuid))
    goes_on(world, run)


def holders(db, pool):
    """The numbers of those that own runs."""
    return [i for i, worker in enumerate(pool.workers) if has_runs(db, worker.id())]


def has_runs(db, worker):
    """Whether it owns some, or a process that it has started for suspects does."""
    return worker is not None and db.count(
        "stepwell.lease l join stepwell.worker w on w.id = l.owner where '%s' in (w.id, w.parent)" % worker) > 0


def suspects(db):
    """How many runs were in a process of their own, and how many such processes there were."""
    row = db.rows("select count(distinct run_id) as runs, count(distinct o ->> 'worker') as processes from %s ops "
                  "where op = 'claimed' and (o ->> 'suspect')::boolean" % OPS)[0]
    return row["runs"], row["processes"]


@case(62)
def nothing_was_executed(world):
    """Runs in the name of a process for suspects that never came up, of one that its worker had let go, and of nobody
    are taken over, and have lost nothing; one of a worker that was there has."""
    db, recorder = world.db, world.recorder
    db.apply("held", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")}])
    ids = db.start("held", 4)
    for run, row in zip(ids, ["0, false, gen_random_uuid()", "5, true, gen_random_uuid()", None, "7, false, null"]):
        db.psql("update stepwell.lease set owner = gen_random_uuid(), state = 'running' where run_id = '%s'" % run)
        if row:
            db.psql("insert into stepwell.worker (id, host, version, expires_at, postmaster_started_at, by_place, pid, "
                    "released, parent) select owner, 'x', '0', now() - interval '1 minute', now(), true, %s from "
                    "stepwell.lease where run_id = '%s'" % (row, run))
    world.worker(*SOON)
    recorder.wait("/hold", len(ids), 60)
    losses = {r["run_id"]: r["losses"] for r in db.rows(
        "select run_id, coalesce(losses, 0) as losses from stepwell.lease")}
    check([losses[run] for run in ids] == [0, 0, 0, 1], "I5: losses: %s", [losses[run] for run in ids])
    recorder.release("gate")
    complete(world, len(ids))
    effects_once(db, recorder, ids, ["s1"])
    world.inject(len(ids))
    world.land(len(ids))
    world.checked(len(ids))
