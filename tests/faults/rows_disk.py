"""The server's disk fills up, and is freed again (row 28)."""
import time

from catalogue import case
from harness import check, wait_for
from judges import healthy
from rows_crash import NO_POISON, SOON, bound

# Old segments of the WAL are not kept for reuse: it always needs new space.
SETTINGS = "wal_recycle = off\nmin_wal_size = 2MB\nmax_wal_size = 8MB\nautovacuum_naptime = 1s\n"


def no_space(cluster):
    with open(cluster.dir + "/server.log", "rb") as log:
        return log.read().count(b"No space left on device")


def is_back(cluster, database):
    """It may go down yet, of what it met while there was no space."""
    if not cluster.is_running():
        cluster.start()
    return cluster.accepts(database)


def disk_full(world, part, size):
    """All kinds of runs while, again and again, the server has no space for a while. It may go down by
    that; then it is started when there is space."""
    cluster = world.new_cluster(disk=(part, size), settings=SETTINGS)
    mix, refusals = world.mix(cluster=cluster), 0
    with world.mixed_pool(mix, 2, *SOON, *NO_POISON) as pool:
        pool.wait_ready()
        for _ in range(world.size(2, 10, 100)):
            pause, full = world.random.uniform(0.1, 0.4), world.random.uniform(0.3, world.size(1, 4, 4))
            world.plan("after %.3f s the disk is full for %.3f s", pause, full)
            mix.top_up(world.size(30, 60, 60))
            time.sleep(pause)
            before, end = no_space(cluster), time.monotonic() + full
            cluster.disk.fill()
            world.inject()
            if part:  # the rest of the last segment may do for a long time
                cluster.tool("psql", "-qX", "-d", cluster.conninfo(mix.db.name), "-c", "select pg_switch_wal()",
                             allowed=(0, 1, 2))
            while cluster.is_running() and time.monotonic() < end + 3 * (no_space(cluster) == before):
                time.sleep(0.1)
            world.land(no_space(cluster) > before)
            refusals += no_space(cluster) - before
            cluster.disk.free()
            mix.db.close()
            wait_for(lambda: is_back(cluster, mix.db.name), 30, "the server is back")
            check(not pool.replace_dead(), "I8: workers ended: %s", [w.output()[-500:] for w in pool.gone])
        healed = time.time()
        mix.finish(world.size(60, 300, 600))
        pool.drain()
    healthy(pool.all())
    world.judge(mix, pool, healed=healed, bound=bound(world))
    world.note("%d runs, %d refusals, the server came back %d times", len(mix.runs), refusals, cluster.accepted() - 1)


@case(28)
def data_disk_full(world):
    disk_full(world, "", 140)


@case(28)
def wal_disk_full(world):
    disk_full(world, "pg_wal", 24)
