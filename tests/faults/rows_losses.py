"""What a pool does about losses that were no run's fault (row 62), and where workers log in as different
roles (row 66)."""
import contextlib
import os
import signal
import subprocess
import sys
import time

from catalogue import case
from harness import check, http_steps, http_task, wait_for
from judges import OPS, all_completed, effects_once, healthy, journal_is_whole
from rows_rights import role
from servers import die_with_us
from sessions import SOON


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
    wait_for(lambda: not frozen.owned(), 15, "I5: the runs of a frozen worker are taken over")
    recorder.wait("/hold", 2 * count)
    recorder.release("gate")
    db.wait_idle(30)
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
            index = int(3 * choice)
            world.inject()
            world.land(has_runs(db, pool.workers[index].id()))
            pool.kill(index)
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


def has_runs(db, worker):
    """Whether it owns some, or a process that it has started for suspects does."""
    return worker is not None and db.count(
        "stepwell.lease l join stepwell.worker w on w.id = l.owner where '%s' in (w.id, w.parent)" % worker) > 0


def suspects(db):
    """How many runs were in a process of their own, and how many such processes there were."""
    row = db.rows("select count(distinct run_id) as runs, count(distinct o ->> 'worker') as processes from %s ops "
                  "where op = 'claimed' and (o ->> 'suspect')::boolean" % OPS)[0]
    return row["runs"], row["processes"]
