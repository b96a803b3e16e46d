"""The server goes away, comes back, cuts sessions, or stops taking writes."""
import subprocess
import time

from harness import Pool, check, http_steps
from judges import all_completed, effects_once, journal_is_whole


def load(world, db, recorder, runs):
    """Both kinds of effects: posts at the deduplicating recorder, and plain inserts."""
    db.psql("create table effect (run_id text, step int)")
    tasks = []
    for i, post in enumerate(http_steps(recorder.url, 4, "/delay/100"), 1):
        tasks += [post, {"q%d" % i: {"call": "sql", "with": {
            "statement": "insert into effect values ($1, $2)",
            "parameters": ["${ $workflow.id }", i], "output": "count"}}}]
    db.apply("mixed", tasks)
    return db.start("mixed", runs)


def judge(db, recorder, ids):
    all_completed(db, len(ids))
    journal_is_whole(db)
    rows = db.rows("select run_id, step, count(*) as n from effect group by 1, 2")
    check(len(rows) == 4 * len(ids) and all(r["n"] == 1 for r in rows),
          "%d steps have rows, %d expected; more than one: %s", len(rows), 4 * len(ids),
          [r for r in rows if r["n"] > 1][:5])
    return effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])


def under_restarts(world, mode, count, runs):
    db, recorder = world.database(), world.recorder()
    ids = load(world, db, recorder, runs)
    done = 0
    with Pool(db, 3, "--concurrency", "8", "--poison-after", "0") as pool:
        for worker in pool.workers:
            worker.wait_registered()
        for _ in range(count):
            time.sleep(world.random.uniform(0.2, 0.6))
            if not db.active():
                break
            done += 1
            db.cluster.restart(mode)
        db.wait_idle(120)
        pool.check_healthy()
        check(not pool.replace_dead(), "workers ended: %s", [w.output()[-500:] for w in pool.gone])
    again = judge(db, recorder, ids)
    world.note("%d %s restarts, %d runs, %d requests sent again", done, mode, len(ids), again)
    check(done == count, "void: the work was over after %d restarts", done)


def server_restart_immediate(world):
    under_restarts(world, "immediate", world.size(2, 30), world.size(100, 800))


def server_restart_fast(world):
    under_restarts(world, "fast", world.size(2, 30), world.size(100, 800))


def cut(world, db, names, seconds, pause):
    """Terminates a random session of these application names, again and again; how many."""
    psql = subprocess.run(
        [db.cluster.bin + "/psql", "-qXAt", "-d", db.conninfo], text=True, capture_output=True,
        input="select setseed(%f);\n"
              "do $$ declare n int := 0; v int; begin\n"
              "for i in 1..%d loop\n"
              "  perform pg_stat_clear_snapshot();\n"
              "  select count(pg_terminate_backend(pid)) into v from (select pid from "
              "pg_stat_activity where datname = current_database() and application_name like "
              "'%s' order by random() limit 1) a;\n"
              "  n := n + v; perform pg_sleep(%f);\n"
              "end loop; raise notice 'cut %%', n; end $$;\n"
              % (world.random.random(), seconds / pause, names, pause))
    return int(psql.stderr.rpartition("cut ")[2])


def under_cuts(world, names, runs, pause):
    db, recorder = world.database(), world.recorder()
    ids = load(world, db, recorder, runs)
    seconds = world.size(4, 20)
    with Pool(db, 3, "--concurrency", "8", "--poison-after", "0") as pool:
        for worker in pool.workers:
            worker.wait_registered()
        count = cut(world, db, names, seconds, pause)
        active = db.active()
        db.wait_idle(120)
        check(not pool.replace_dead(), "workers ended: %s", [w.output()[-500:] for w in pool.gone])
        pool.check_healthy()
    again = judge(db, recorder, ids)
    world.note("%d sessions cut, %d of %d runs were left then, %d requests sent again", count, active,
               len(ids), again)
    check(count > seconds / pause / 4, "void: %d sessions cut", count)


def cut_sessions(world):
    """One of the workers' sessions is terminated every 50 ms."""
    under_cuts(world, "stepwell%", world.size(60, 600), 0.05)


def cut_sql_sessions(world):
    """Only those of `call: sql`: the step and its outcome commit together, or not at all."""
    under_cuts(world, "stepwell sql", world.size(100, 1000), 0.1)


def read_only_server(world):
    """A server that refuses writes for a while, as a demoted primary does."""
    db, recorder = world.database(), world.recorder()
    ids = load(world, db, recorder, world.size(60, 300))
    with Pool(db, 2, "--concurrency", "8", "--lease", "4s", "--heartbeat", "1s",
              "--poison-after", "0") as pool:
        for worker in pool.workers:
            worker.wait_registered()
        for _ in range(world.size(1, 5)):
            time.sleep(world.random.uniform(0.3, 0.8))
            check(db.active(), "void: the work was over")
            db.psql("alter system set default_transaction_read_only = on; select pg_reload_conf()")
            time.sleep(world.random.uniform(1, 2))
            db.psql("set transaction_read_only = off; select 1")
            db.psql("set default_transaction_read_only = off;\n"
                    "alter system reset default_transaction_read_only;\nselect pg_reload_conf()")
        db.wait_idle(60)
        check(not pool.replace_dead(), "workers ended: %s", [w.output()[-500:] for w in pool.gone])
        pool.check_healthy()
    again = judge(db, recorder, ids)
    world.note("%d runs, %d requests sent again", len(ids), again)


for case in (server_restart_immediate, server_restart_fast, read_only_server):
    case.stops_server = True  # so it gets one of its own

CASES = [server_restart_immediate, server_restart_fast, cut_sessions, cut_sql_sessions,
         read_only_server]
