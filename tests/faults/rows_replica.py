"""Real replicas: a standby that streams, and is promoted when its primary dies."""
import os
import signal
import time

from catalogue import case
from harness import Worker, check, http_task, records_of, sql_task, http_steps, wait_for
from judges import all_completed, effects_once, healthy, journal_is_whole, rows_exact
from rows_crash import NO_POISON, SOON
from workload import step_id


def standby_of(world, primary):
    """One whose answer every commit of the primary waits for."""
    standby = world.new_cluster(primary=primary)
    primary.tool("psql", "-qX", "-h", primary.dir + "/socket", "-d", "postgres", "-c",
                 "alter system set synchronous_standby_names = '*'", "-c", "select pg_reload_conf()")
    db = world.known["replicated"]
    wait_for(lambda: db.value("select sync_state from pg_stat_replication") == "sync", 30,
             "the standby is synchronous")
    return standby


def workers_of_both(world, primary, standby):
    both = "host=%s/socket,%s/socket user=postgres dbname=%s target_session_attrs=read-write" % (
        primary.dir, standby.dir, world.db.name)
    workers = [world.keep(Worker(world.db, [*SOON, *NO_POISON, "--concurrency", "8"], conninfo=both))
               for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    return workers


def turn_to(db, server):
    """What the test itself asks from now on."""
    db.close()
    db.cluster, db.conninfo = server, server.conninfo(db.name)


def next_primary(world, primary, standby, workers):
    """A round is over."""
    healthy(workers)
    for worker in workers:
        worker.end()
    if primary is not world.cluster:
        world.ends.remove(primary.destroy)
        primary.destroy()
    return standby


@case(18, own_server=True)
def failover(world):
    """The primary is stopped at once, its synchronous standby promoted; workers find it by themselves:
    nothing that was acknowledged is lost."""
    db, recorder, primary = world.db, world.recorder, world.cluster
    world.known["replicated"] = db
    db.psql("create table effect (run_id text, step int)")
    tasks = []
    for i, post in enumerate(http_steps(recorder.url, 4, "/delay/100"), 1):
        tasks += [post, {"q%d" % i: sql_task(i)}]
    db.apply("mixed", tasks)
    ids, slowest = [], 0
    for _ in range(world.size(1, 20, 200)):
        standby = standby_of(world, primary)
        workers = workers_of_both(world, primary, standby)
        pause = world.random.uniform(0.1, 0.8)
        world.plan("%.3f s after the start of runs the primary dies", pause)
        ids += db.start("mixed", 40, len(ids) + 1)
        time.sleep(pause)
        world.inject()
        world.land(db.active() > 0)
        primary.stop("immediate")
        standby.promote()
        promoted = time.time()
        turn_to(db, standby)
        db.wait_idle(60)
        first = float(db.value("select extract(epoch from min(at)) from stepwell.journal where at > "
                               "to_timestamp(%f)" % promoted) or promoted)
        slowest = max(slowest, first - promoted)
        check(slowest <= world.within(15), "I5: work went on %.1f s after the promotion", slowest)
        primary = next_primary(world, primary, standby, workers)
    all_completed(db, len(ids))
    journal_is_whole(db)
    rows_exact(db, ids, [1, 2, 3, 4])
    effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])
    world.checked(8 * len(ids))
    world.figure("slowest", slowest)
    world.note("%d runs, work went on within %.2f s", len(ids), slowest)


# ---- A standby that lags ----

def lose_primary(world, primary, standby):
    """The primary dies; what lies in the standby's buffers, unread, is lost with it."""
    db, receiver = world.db, standby.process("walreceiver")
    journal = {(r["run_id"], r["seq"]) for r in db.rows("select run_id, seq from stepwell.journal")}
    db.close()
    primary.stop("immediate")
    os.kill(receiver, signal.SIGKILL)
    wait_for(lambda: not os.path.exists("/proc/%d" % receiver) and standby.accepts(db.name), 30,
             "the standby is back")
    standby.promote()
    turn_to(db, standby)
    return journal - {(r["run_id"], r["seq"]) for r in db.rows("select run_id, seq from stepwell.journal")}


class Client:
    """Starts runs by the command line, with keys, and starts all of them again."""

    def __init__(self, world):
        self.world, self.keys = world, {}  # key -> the ids that it was told

    def start(self, key):
        _, out, _ = self.world.db.cli("start", "crash/mixed", "--input", '{"n": 0}', "--key", key, expect=0)
        self.keys.setdefault(key, []).append(out.strip())

    def start_again(self, lost_runs):
        """A run that is still there is the answer; for one that was lost there is a new one, whose id
        was never another run's."""
        told = {run for ids in self.keys.values() for run in ids}
        for key, ids in list(self.keys.items()):
            before = ids[-1]
            self.start(key)
            self.start(key)
            check(ids[-1] == ids[-2], "I2: key %s gave %s and %s", key, ids[-2], ids[-1])
            check((ids[-1] == before) == (before not in lost_runs), "I2: key %s gave %s, before %s (%s)", key,
                  ids[-1], before, "lost" if before in lost_runs else "kept")
            check(ids[-1] == before or ids[-1] not in told, "I2: key %s gave an id of another run", key)

    def runs(self):
        return [ids[-1] for ids in self.keys.values()]


def judge_drift(db, recorder, runs):
    """The second step's request depends on what the first one answered, which is another answer when
    it is asked again: then the endpoint refuses the second request, under the same key."""
    records, refused = records_of(recorder), 0
    ends = {r["id"]: r for r in db.rows("select id, status, error ->> 'status' as error from stepwell.runs")}
    for run in runs:
        sent = records[run, "send"]
        check({r["key"] for r in sent} == {step_id(run, "/do/1/send")}, "I2: %s: another key", run)
        check(sum(r["applied"] for r in sent) == 1, "I2: %s was applied %d times", run,
              sum(r["applied"] for r in sent))
        differ = len({r["sha256"] for r in sent}) > 1
        check((ends[run]["status"], ends[run]["error"]) == (("faulted", "422") if differ else ("completed", None)),
              "I2: %s: %d requests under one key, and it is %s", run, len(sent), ends[run])
        refused += differ
    return refused


@case(19, own_server=True)
def failover_of_lagging_standby(world):
    """The standby receives nothing for a while; then the primary dies and the standby is promoted. What
    is done again is done under the same keys; a client repeats its starts."""
    db, recorder, primary, client = world.db, world.recorder, world.cluster, Client(world)
    db.psql("create table effect (run_id text, step int)")
    tasks = []
    for i, post in enumerate(http_steps(recorder.url, 3, "/delay/60"), 1):
        tasks += [post, {"q%d" % i: sql_task(i)}]
    db.apply("mixed", tasks)
    db.apply("drift", [{"ask": http_task(recorder.url, "/nodedupe/{run}/ask")},
                       {"send": {"call": "http", "with": {
                           "method": "post", "endpoint": "${ \"%s/delay/20/\" + $workflow.id + \"/send\" }"
                           % recorder.url, "body": {"id": "${ $steps.ask.id }"}}}}])
    entries, mixed, drift, lost_runs = 0, [], [], set()
    for number in range(world.size(1, 20, 200)):
        standby = world.new_cluster(primary=primary)
        wait_for(lambda: db.value("select state from pg_stat_replication") == "streaming", 30, "it streams")
        workers = workers_of_both(world, primary, standby)
        before, after = world.random.uniform(0.1, 0.4), world.random.uniform(0.4, world.size(0.8, 5, 5))
        world.plan("%.3f s after the first starts the standby freezes, %.3f s later the primary dies", before, after)
        mixed += db.start("mixed", 30)
        drift += db.start("drift", 20)
        client.start("early %d" % number)
        time.sleep(before)
        os.kill(standby.process("walreceiver"), signal.SIGSTOP)
        end = time.monotonic() + after
        for i in range(4):
            client.start("late %d %d" % (number, i))
        drift += db.start("drift", 10)
        mixed += db.start("mixed", 10)
        time.sleep(max(0, end - time.monotonic()))
        lost = lose_primary(world, primary, standby)
        there = {r["id"] for r in db.rows("select id from stepwell.runs")}
        lost_runs |= {run for run, _ in lost} - there
        entries += len(lost)
        world.inject()
        world.land(len(lost) > 0)
        client.start_again(lost_runs)
        db.wait_idle(60)
        primary = next_primary(world, primary, standby, workers)
    kept = [run for run in mixed if run not in lost_runs] + client.runs()
    drift = [run for run in drift if run not in lost_runs]
    journal_is_whole(db)
    check(db.count("stepwell.runs") == len(kept) + len(drift), "I1: %d runs, not %d and %d",
          db.count("stepwell.runs"), len(kept), len(drift))
    rows_exact(db, kept, [1, 2, 3])
    again = effects_once(db, recorder, kept, ["s1", "s2", "s3"], but=lost_runs.union(drift), in_order=False)
    refused = judge_drift(db, recorder, drift)
    world.checked(6 * len(kept) + len(drift))
    world.figure("lost entries", entries)
    world.note("%d entries and %d runs lost, %d requests sent again, %d refused as different", entries,
               len(lost_runs), again, refused)
