"""How long it takes until somebody goes on with the runs of a worker that is gone (row 5), and
workers that were only frozen and come back (row 6)."""
import os
import signal
import statistics
import subprocess
import time

from catalogue import case
from harness import Cgroup, Missing, Worker, check, check_landed, http_steps, http_task, sql_task, wait_for
from judges import (OPS, all_completed, complete, effects_once, files_bounded, files_of, healthy,
                    journal_is_whole, kills_that_hit, rows_exact, sessions_bounded, takeovers)
from rows_crash import NO_POISON, pick
from rows_journal import once_each
from sessions import APPEND, HEARTBEAT, JOURNAL, LEASE, SOON, SQL

HEARTBEAT_5, LEASE_5 = 2.0, 4.0  # of row 5
PROMISED = 2 * HEARTBEAT_5 + 0.5
FOUR = ["--heartbeat", "2s", "--lease", "4s", "--concurrency", "8"]


def silence(world, pool, index, kind):
    """Makes a worker silent; when."""
    worker = pool.workers[index]
    worker.wait_registered()
    at = time.time()
    if kind == "killed":
        pool.kill(index)
    else:
        worker.send_signal(signal.SIGSTOP)
        pool.replace(index)
        pool.gone.remove(world.keep(worker))
    return at, worker


def report(world, name, times):
    figures = {"trials": len(times), "p50": statistics.median(times), "max": max(times)}
    world.figure(name, figures)
    world.note("%s: %d trials, p50 %.2f s, max %.2f s", name, *figures.values())
    check(figures["p50"] <= world.within(LEASE_5), "I5: %s: half of the takeovers took %.2f s", name, figures["p50"])
    check(figures["max"] <= world.within(PROMISED + 2, PROMISED + 0.1, PROMISED + 0.1), "I5: %s: a takeover took %.2f s",
          name, figures["max"])


@case(5, alone_in_full=True)
def takeover_times(world):
    """Killed processes, whose sessions vanish; and silent ones, whose sessions stay, as those of a lost
    host would: here they are frozen."""
    db, trials, silent = world.db, world.size(8, 200, 2000), {}
    db.apply("http", http_steps(world.recorder.url, 6, "/delay/250"))
    frozen = []
    with world.pool(5, *FOUR, *NO_POISON) as pool:
        pool.wait_ready()
        while len(silent) < trials:
            pause, choice = world.random.uniform(0.2, 0.5), world.random.random()
            kind = ("killed", "silent")[len(silent) % 2]
            if db.active() < 60:
                db.start("http", 60)
            time.sleep(pause)
            owners = pool.owners()
            if not owners:
                continue
            world.plan("after %.3f s owner %.3f is %s", pause, choice, kind)
            at, worker = silence(world, pool, pick(owners, choice), kind)
            silent[worker.uuid] = (at, kind)
            world.inject()
            frozen += [worker] * (kind == "silent")
            for old in frozen[:-30]:  # long ago taken over
                old.end()
        db.wait_idle(60)
        healthy(pool.all())
    for worker in frozen:
        worker.end()
    journal_is_whole(db)
    times = {"killed": {}, "silent": {}}
    for t in takeovers(db):
        at, kind = silent.get(t["owner"], (0, None))
        if kind:
            times[kind][t["owner"]] = max(times[kind].get(t["owner"], 0), t["at"] - at)
    world.land(sum(map(len, times.values())))
    world.checked(sum(map(len, times.values())))
    for kind, found in times.items():
        check_landed(found, "nothing was taken from a worker that was %s", kind)
        report(world, kind, list(found.values()))


@case(5)
def run_killed(world):
    """`wfctl run` is killed in the middle; the pool sees its sessions vanish and takes over."""
    db, recorder = world.db, world.recorder
    path = db.apply("http", http_steps(recorder.url, 4))
    times, trials = [], world.size(2, 20, 50)
    with world.pool(1) as pool:
        pool.wait_ready()
        for trial in range(trials):
            recorder.reset()
            open(recorder.log, "w").close()
            runner = subprocess.Popen([db.wfctl, "run", path, "--input", '{"n": %d}' % trial, "--db",
                                       db.conninfo], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            recorder.wait("/delay", world.random.randrange(1, 5))
            time.sleep(world.random.uniform(0, 0.15))
            runner.kill()
            killed_at = time.time()
            runner.wait()
            world.inject()
            db.wait_idle(30)
            run = db.value("select id from stepwell.runs order by id desc limit 1")
            all_completed(db, trial + 1)
            effects_once(db, recorder, [run], ["s%d" % i for i in range(1, 5)])
            world.checked(4)
            claimed = float(db.value("select max(extract(epoch from at)) from stepwell.journal "
                                     "where run_id = '%s' and kind = 'claimed'" % run))
            if claimed > killed_at:
                times.append(claimed - killed_at)
                world.land()
        healthy(pool.all())
    journal_is_whole(db)
    check_landed(times, "nothing was taken over")
    world.note("taken over after %.2f to %.2f s", min(times), max(times))
    check(max(times) < world.within(4, 2, 2), "I5: the takeover took %.2f s", max(times))


# ---- Zombies ----

class Freezers:
    """Stops processes by a signal, or by a control group where there may be one."""

    def __init__(self, world):
        self.world, self.groups = world, {}
        try:
            group = Cgroup("freezer")
            group.destroy()
            self.both = True
        except (Missing, OSError):
            self.both = False

    def freeze(self, worker, by_group):
        if by_group and self.both:
            self.groups[worker.pid] = group = Cgroup("freezer")
            group.add(worker.pid)
            group.freeze(True)
        else:
            worker.send_signal(signal.SIGSTOP)

    def thaw(self, worker):
        group = self.groups.pop(worker.pid, None)
        if group:
            group.freeze(False)
            with open(os.path.dirname(group.path) + "/cgroup.procs", "w") as top:
                top.write(str(worker.pid))
            group.destroy()
        else:
            worker.send_signal(signal.SIGCONT)


@case(6)
def zombies(world):
    """Workers are frozen for 1 to 5 leases, again and again, and go on with what they had."""
    mix, freezers, spans = world.mix(), Freezers(world), []
    with world.mixed_pool(mix, 3, *SOON, *NO_POISON, "--concurrency", "16") as pool:
        pool.wait_ready()
        files = files_of(pool.workers)
        mix.start(world.size(40, 60, 60))
        for _ in range(world.size(2, 60, 1000)):
            leases, choice = world.random.uniform(1.1, world.size(2, 5, 5)), world.random.random()
            by_group, pooled = world.random.random() < 0.5, world.random.random() < 0.5
            world.plan("freeze owner %.3f for %.2f leases by %s%s", choice, leases,
                       "cgroup" if by_group else "signal", ", its sessions stay" if pooled else "")
            mix.top_up(world.size(30, 60, 60))
            owners = wait_for(pool.owners, 20, "somebody owns something")
            worker = pool.workers[pick(owners, choice)]
            began = time.time()
            freezers.freeze(worker, by_group)
            if pooled:  # as behind a pooler, where nobody could end them
                mix.db.value("delete from stepwell.session where worker_id = '%s'" % worker.uuid)
            end = time.monotonic() + leases * LEASE
            while time.monotonic() < end:
                time.sleep(0.3)
                mix.top_up(world.size(15, 30, 30))
            spans.append((worker.uuid, began, time.time()))
            freezers.thaw(worker)
            world.inject()
        healed = time.time()
        mix.finish(world.size(60, 120, 300))
        files_bounded(pool.workers, files, 256 + 16)
        sessions_bounded(mix.db, 3)
        refused = sum("belongs to another worker" in line for w in pool.workers
                      for line in w.output().splitlines())
        pool.drain()
    taken = takeovers(mix.db)
    world.land(sum(any(t["owner"] == uuid and began <= t["at"] <= end for t in taken)
                   for uuid, began, end in spans))
    world.judge(mix, pool, healed=healed, bound=LEASE + 0.5 + world.size(6, 2, 2))
    world.note("%d runs, %d late writes refused", len(mix.runs), refused)


@case(6)
def frozen_worker(world):
    """Stopped beyond its lease with requests in flight, and continued when others own its runs."""
    db, recorder = world.db, world.recorder
    runs = world.size(12, 60, 60)
    db.apply("http", http_steps(recorder.url, 6, "/delay/300"))
    for trial in range(world.size(1, 5, 20)):
        recorder.reset()
        open(recorder.log, "w").close()
        ids = db.start("http", runs)
        frozen = Worker(db, SOON)
        other = None
        try:
            uuid = frozen.wait_registered()
            recorder.wait("/delay", runs)
            time.sleep(world.random.uniform(0, 0.3))
            frozen.send_signal(signal.SIGSTOP)
            world.inject()
            other = Worker(db, SOON)
            wait_for(lambda: frozen.owned() == 0, 15, "I5: another worker takes over")
            time.sleep(world.random.uniform(0, 0.6))
            frozen.send_signal(signal.SIGCONT)
            db.wait_idle(60)
            check(frozen.alive(), "I8: the frozen worker ended with %s: %s", frozen.process.poll(),
                  frozen.output())
        finally:
            for worker in filter(None, [frozen, other]):
                worker.end()
        all_completed(db, runs * (trial + 1))
        journal_is_whole(db)
        effects_once(db, recorder, ids, ["s%d" % i for i in range(1, 7)])
        taken, hits = kills_that_hit(db, [uuid])
        check_landed(taken and hits, "the frozen worker had nothing in flight")
        world.land()
        world.checked(6 * runs)
        # The journal key lets nobody but the last claimant write: a late entry of the frozen
        # worker would have ended an attempt that its successor had declared lost.
        late = db.rows("select l.run_id, l.path from %s l join %s c on c.run_id = l.run_id and "
                       "c.path = l.path and c.seq > l.seq and c.op = 'completed' where l.op = 'lost' "
                       "and not exists (select from %s s where s.run_id = l.run_id and s.path = l.path "
                       "and s.op = 'started' and (s.seq, s.n) > (l.seq, l.n) and s.seq <= c.seq)"
                       % (OPS, OPS, OPS))
        check(not late, "I7: attempts ended after they were lost: %s", late[:5])


@case(6)
def takeover_meets_uncommitted(world):
    """A stale owner (its heartbeat is silent, nobody can end its sessions) is in the middle of slow
    transactions when its runs are taken over."""
    db, recorder = world.db, world.recorder
    db.psql(
        "create table slow (pid int);\n"
        "create function slow() returns trigger language plpgsql as $$ begin\n"
        "if exists (select from public.slow where pid = pg_backend_pid()) then perform pg_sleep(0.15); "
        "end if;\nreturn null; end $$;\n"
        "create trigger slow after insert on stepwell.entry for each row execute function slow();")
    gate = "${ \"%s/hold/gate\" + ($workflow.input.n %% 24 | tostring) + \"/\" + $workflow.id + "
    db.apply("slow", [
        {"s1": http_task(recorder.url, "/dedupe/{run}/s1")},
        {"s2": {"call": "http", "with": {"method": "post",
                                         "endpoint": gate % recorder.url + "\"/s2\" }"}}}])
    successor = world.worker(*SOON, *NO_POISON)
    successor.send_signal(signal.SIGSTOP)  # its turn comes later
    stale = world.worker(*SOON, *NO_POISON, proxied=True)
    ids = db.start("slow", 48)
    recorder.wait("/hold", 48)
    world.proxy.hole(HEARTBEAT)
    db.psql("insert into slow select pid from pg_stat_activity where datname = current_database() and "
            "application_name = 'stepwell journal'; delete from stepwell.session where worker_id = '%s'"
            % stale.uuid)
    # Outcomes trickle in, so that a slow transaction is always open, until the takeover.
    began = time.monotonic()
    for i in range(24):
        time.sleep(max(0, began + 1 + i * 0.15 - time.monotonic()))
        recorder.release("gate%d" % i)
        if i == 3:
            successor.send_signal(signal.SIGCONT)
    wait_for(lambda: takeovers(db), 15, "I5: the other worker takes over")
    wait_for(lambda: [recorder.release("gate%d" % i) for i in range(24)] and not db.active(), 40,
             "I5: all runs end", 0.2)
    world.proxy.heal()
    complete(world, len(ids))
    once_each(world, ids, ["s1", "s2"])
    taken = db.count("stepwell.journal where kind = 'claimed' and seq > 2")
    deadlocks = world.cluster.said("deadlock detected", db.name)
    check(not deadlocks, "%d deadlocks: %s", len(deadlocks), deadlocks[:2])
    check_landed(3 < taken < len(ids), "%d runs were taken over", taken)
    world.inject()
    world.land()
    world.checked(2 * len(ids))
    world.note("%d of %d runs taken over", taken, len(ids))


def frozen_in_transaction(world, name, sql, tasks, after):
    """Stopped with an open transaction: its successor ends its sessions."""
    db = world.db
    db.psql("create table effect (run_id text, step int)")
    db.apply("mixed", tasks)
    frozen = world.worker(*SOON, proxied=True)
    rule = world.proxy.rule(name, "hole", sql=sql, nth=2)
    ids = db.start("mixed", 12)
    check_landed(rule.hit.wait(20), "no transaction was stopped")
    frozen.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    check_landed(db.count("pg_stat_activity where application_name = '%s' and datname = '%s' and "
                          "backend_xid is not null" % (name, db.name)), "no transaction is open")
    began = time.monotonic()
    world.worker(*SOON)
    db.wait_idle(30)
    took = time.monotonic() - began
    world.proxy.heal()
    frozen.send_signal(signal.SIGCONT)
    wait_for(lambda: frozen.owned() == 0, 5, "nothing is owned")
    complete(world, len(ids))
    after(ids)
    check(took < world.within(LEASE + 8), "I5: the takeover took %.1f s", took)
    world.inject()
    world.land()
    world.checked(3 * len(ids))
    world.note("over %.1f s later", took)


@case(6)
def frozen_in_journal_transaction(world):
    url = world.recorder.url
    frozen_in_transaction(world, JOURNAL, APPEND, [
        {"s%d" % i: http_task(url, "/delay/50/{run}/s%d" % i)} for i in (1, 2, 3)],
        lambda ids: effects_once(world.db, world.recorder, ids, ["s1", "s2", "s3"]))


@case(6)
def frozen_in_sql_step(world):
    frozen_in_transaction(world, SQL, "insert into effect", [{"q%d" % i: sql_task(i)} for i in (1, 2, 3)],
                          lambda ids: rows_exact(world.db, ids, [1, 2, 3]))
