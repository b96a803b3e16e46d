"""Poolers between wfctl and Postgres (row 22): by transaction, where nothing of wfctl may work and
nothing of it may stay in the shared sessions; by session, where everything works."""
import json
import subprocess
import threading
import time

from catalogue import case
from harness import check, check_landed, http_steps
from judges import all_completed, effects_once, journal_is_whole, kills_that_hit, sessions_bounded
from rows_crash import NO_POISON, kill_one
from sessions import LEASE, SOON

REFUSED = [["worker", "--until-idle"], ["run", "crash/http"], ["start", "crash/http", "--input", "{}"], ["status"],
           ["list"], ["cancel", "@last"], ["gc", "--older-than", "30d"], ["migrate"]]
# What wfctl sets for its sessions; an application's own queries find nothing under that search_path.
SETTINGS = ("search_path", "lock_timeout", "jit", "plan_cache_mode", "enable_seqscan", "TimeZone")


class Tenants(threading.Thread):
    """Other clients of the pooler, busy with transactions that are open for a while."""

    def __init__(self, world, conninfo, pauses):
        super().__init__()
        self.psql = [subprocess.Popen([world.cluster.bin + "/psql", "-qXAt", "-d", conninfo], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in pauses]
        self.pauses, self.over, self.done = pauses, False, 0
        world.ends.append(self.end)
        self.start()

    def run(self):
        while not self.over:
            for psql, pause in zip(self.psql, self.pauses):
                psql.stdin.write("begin; select 1 from stepwell.runs limit 1; select pg_sleep(%f); commit;\n"
                                 "\\echo done\n" % pause)
                psql.stdin.flush()
            for psql in self.psql:
                while psql.stdout.readline() not in ("done\n", ""):
                    pass
                self.done += 1

    def end(self):
        self.over = True
        self.join()
        for psql in self.psql:
            psql.kill()
            psql.communicate()


def leftovers(db):
    """I8: no session advisory lock is left."""
    found = db.rows("select pid, objid from pg_locks where locktype = 'advisory' and database = "
                    "(select oid from pg_database where datname = current_database())")
    check(not found, "I8: advisory locks are left: %s", found)


def settings_of(world, conninfo, count):
    """What a client of the pooler finds in the sessions that it is given."""
    query = "select %s, pg_backend_pid();\n" % " || ' ' || ".join("current_setting('%s')" % s for s in SETTINGS)
    out = subprocess.run([world.cluster.bin + "/psql", "-qXAt", "-F", "|", "-d", conninfo], text=True,
                         input=query * count, capture_output=True, check=True).stdout
    rows = [line.split("|") for line in out.splitlines()]
    return {row[0] for row in rows}, {row[1] for row in rows}


def refused(world, conninfo, arguments):
    """Exit 7, at once, and the text says what is in the way."""
    began = time.monotonic()
    done = subprocess.run([world.wfctl, *arguments, "--db", conninfo], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    took = time.monotonic() - began
    check(done.returncode == 7 and "by the transaction" in done.stderr and "pool_mode = session" in done.stderr,
          "I8: wfctl %s: exit %d after %.1f s: %s", " ".join(arguments), done.returncode, took, done.stderr)
    check(took < world.within(15, 5, 5), "I8: wfctl %s was refused after %.1f s", arguments[0], took)
    return took


def by_transaction(world, conninfo):
    """wfctl is refused, however busy the pool is, and leaves nothing in its sessions. Starts by SQL
    go through it, to workers that are connected directly."""
    db, recorder = world.db, world.recorder
    conninfo = conninfo(db.name)
    db.apply("http", http_steps(recorder.url, 2, "/dedupe"))
    world.worker(*SOON)
    ids, slowest, before = [], 0, settings_of(world, conninfo, 4)[0]
    for _ in range(world.size(1, 10, 100)):
        pauses = [world.random.uniform(0.001, 0.05) for _ in range(world.random.randrange(1, 5))]
        for tenants in ([], pauses):
            world.plan("other clients with transactions of %s s", ", ".join("%.3f" % p for p in tenants) or "no")
            others = Tenants(world, conninfo, tenants) if tenants else None
            for arguments in REFUSED if world.sizes or not tenants else world.random.sample(REFUSED, 3):
                slowest = max(slowest, refused(world, conninfo, arguments))
                world.inject()
                world.land()
            ids += start_through(world, conninfo, 5)
            if others:
                others.end()
                check_landed(others.done > len(tenants), "the other clients did nothing")
    doctor(world, conninfo)
    found, backends = settings_of(world, conninfo, 30)
    check(found == before, "I8: in the shared sessions: %s, before: %s", found, before)
    leftovers(db)
    check(db.count("stepwell.session") == 4, "I8: sessions of the pooler are recorded as a worker's")
    db.wait_idle(30)
    all_completed(db, len(ids))
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2"])
    world.check_workers()
    world.checked(2 * len(ids) + len(backends))
    world.figure("refused_within", slowest)
    world.note("%d commands refused within %.2f s; %d runs started by SQL", world.result.injected, slowest, len(ids))


def start_through(world, conninfo, count):
    """Starts by SQL, as an application does it."""
    out = subprocess.run(
        [world.cluster.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", conninfo], text=True,
        input="select stepwell.start('crash/http', '{\"n\": 1}');\n" * count, capture_output=True, check=True).stdout
    return out.split()


def doctor(world, conninfo):
    done = subprocess.run([world.wfctl, "doctor", "-o", "json", "--db", conninfo], text=True, capture_output=True)
    checks = {c["name"]: c["status"] for c in json.loads(done.stdout)["checks"]}
    check(done.returncode == 7 and checks["pooler"] == "problem", "I8: doctor: exit %d, pooler: %s",
          done.returncode, checks["pooler"])


@case(22)
def pooled_by_transaction(world):
    """pgbouncer."""
    by_transaction(world, world.new_pooler("transaction").conninfo)


@case(22)
def pooled_by_transaction_elsewhere(world):
    """A pooler that never gives a client the same session twice running."""
    proxy = world.new_proxy(pooling=True)
    by_transaction(world, lambda name: proxy.conninfo("user=postgres dbname=" + name))
    check_landed(proxy.moves > 20, "only %d transactions went to another session", proxy.moves)


@case(22, void_below=0.2)
def pooled_by_session(world):
    """All kinds of runs through pgbouncer, which gives the sessions of killed workers to others."""
    kills, mix = world.size(5, 100, 1000), world.mix()
    pooler = world.new_pooler("session", "default_pool_size = 200\nserver_lifetime = 3600")
    with world.mixed_pool(mix, 3, *SOON, *NO_POISON, conninfo=pooler.conninfo(mix.db.name)) as pool:
        mix.start(world.size(30, 60, 60))
        for _ in range(kills):
            pause, choice = world.random.uniform(0, world.size(0.6, 0.3, 0.3)), world.random.random()
            world.plan("after %.3f s kill busy %.3f", pause, choice)
            mix.top_up(world.size(30, 60, 60))
            time.sleep(pause)
            kill_one(pool, choice)
            world.inject()
        healed = time.time()
        mix.finish(world.size(90, 300, 600))
        leftovers(mix.db)
        pool.drain()
    cut = [w.output() for w in pool.all() if "server closed" in w.output()]
    check(not cut, "I8: sessions of the pool were ended that others had been given: %s", cut)
    sessions_bounded(mix.db, 0)
    world.land(kills_that_hit(mix.db, pool.killed)[1])
    world.judge(mix, pool, hit=[w.pid for w in pool.gone], healed=healed, bound=2 * LEASE + world.size(6, 2, 2))
    world.note("%d runs, %d kills", len(mix.runs), kills)
