"""Real replicas: a standby that streams, and is promoted when its primary dies."""
import time

from catalogue import case
from harness import Worker, check, sql_task, http_steps, wait_for
from judges import all_completed, effects_once, healthy, journal_is_whole, rows_exact
from rows_crash import NO_POISON, SOON


def standby_of(world, primary):
    """One whose answer every commit of the primary waits for."""
    standby = world.new_cluster(primary=primary)
    primary.tool("psql", "-qX", "-h", primary.dir + "/socket", "-d", "postgres", "-c",
                 "alter system set synchronous_standby_names = '*'", "-c", "select pg_reload_conf()")
    db = world.known["replicated"]
    wait_for(lambda: db.value("select sync_state from pg_stat_replication") == "sync", 30,
             "the standby is synchronous")
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
        both = "host=%s/socket,%s/socket user=postgres dbname=%s target_session_attrs=read-write" % (
            primary.dir, standby.dir, db.name)
        workers = [world.keep(Worker(db, [*SOON, *NO_POISON, "--concurrency", "8"], conninfo=both))
                   for _ in range(2)]
        for worker in workers:
            worker.wait_ready()
        pause = world.random.uniform(0.1, 0.8)
        world.plan("%.3f s after the start of runs the primary dies", pause)
        ids += db.start("mixed", 40, len(ids) + 1)
        time.sleep(pause)
        world.inject()
        world.land(db.active() > 0)
        db.close()
        primary.stop("immediate")
        standby.promote()
        promoted = time.time()
        db.cluster, db.conninfo = standby, standby.conninfo(db.name)
        db.wait_idle(60)
        first = float(db.value("select extract(epoch from min(at)) from stepwell.journal where at > "
                               "to_timestamp(%f)" % promoted) or promoted)
        slowest = max(slowest, first - promoted)
        check(slowest <= 15, "I5: work went on %.1f s after the promotion", slowest)
        healthy(workers)
        for worker in workers:
            worker.end()
        if primary is not world.cluster:
            world.ends.remove(primary.destroy)
            primary.destroy()
        primary = standby
    all_completed(db, len(ids))
    journal_is_whole(db)
    rows_exact(db, ids, [1, 2, 3, 4])
    effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])
    world.checked(8 * len(ids))
    world.figure("slowest", slowest)
    world.note("%d runs, work went on within %.2f s", len(ids), slowest)
