"""Numbers that grow large (row 30): transaction ids that pass 2^31 and 2^32. Of its own the schema has
no sequence, and what counts in it has 64 bits."""
import json
import time

from catalogue import case
from harness import check, check_landed, wait_for
from judges import healthy
from rows_crash import NO_POISON, SOON
from servers import give_to_postgres

# What a segment of the server's own records of transactions holds, and its size.
SEGMENTS = {"pg_xact": (1 << 20, 1 << 18), "pg_commit_ts": (26208, 1 << 18)}


def advance(cluster, xid):
    """The next transaction has this id (of 32 bits)."""
    cluster.stop()
    for folder, (count, size) in SEGMENTS.items():
        path = "%s/%s/%04X" % (cluster.data, folder, xid // count)
        with open(path, "wb") as segment:
            segment.write(bytes(size))
        give_to_postgres(path)
    cluster.tool("pg_resetwal", "-x", str(xid), "-D", cluster.data)
    cluster.start()


def freeze(cluster):
    """As autovacuum would have done on the way; so that the ids may go on."""
    cluster.tool("vacuumdb", "--all", "--freeze", "--quiet", "-h", cluster.dir + "/socket")


def no_small_counters(db):
    small = db.rows("select table_name, data_type from information_schema.columns where table_schema = 'stepwell' "
                    "and column_name = 'seq' and data_type <> 'bigint'")
    check(not small, "I8: entries are not counted by 64 bits: %s", small)
    check(db.count("pg_sequences where schemaname = 'stepwell'") == 0, "I8: the schema has a sequence")


def doctor(db):
    return next(c["status"] for c in json.loads(db.cli("doctor", "-o", "json")[1])["checks"]
                if c["name"] == "wraparound")


def newest(db):
    return int(db.value("select pg_snapshot_xmax(pg_current_snapshot())::text"))


@case(30)
def transaction_ids(world):
    """All kinds of runs are under way while the ids pass a limit."""
    cluster, runs = world.new_cluster(), 0
    cluster.tool("psql", "-qX", "-d", cluster.conninfo("postgres"), "-c",
                 "update pg_database set datallowconn = true")
    limits = [(1200000000, 1 << 31), (3300000000, 1 << 32)][:world.size(1, 2, 2)]
    for middle, limit in limits:
        mix = world.mix(cluster=cluster)
        no_small_counters(mix.db)
        mix.db.close()
        advance(cluster, middle)
        check(doctor(mix.db) == "warning", "I8: the doctor at an age of over 1,000 million: %s", doctor(mix.db))
        freeze(cluster)
        check(doctor(mix.db) == "ok", "I8: the doctor when all is frozen: %s", doctor(mix.db))
        mix.db.close()
        margin = world.random.randrange(200, 600)
        world.plan("runs begin %d transactions before %d", margin, limit)
        advance(cluster, limit - margin)
        pass_limit(world, mix, limit)
        freeze(cluster)
        runs += len(mix.runs)
    world.note("%d runs", runs)


def pass_limit(world, mix, limit):
    with world.mixed_pool(mix, 2, *SOON, *NO_POISON) as pool:
        pool.wait_ready()
        check_landed(newest(mix.db) < limit, "the limit was passed before there were runs")

        def passed():
            mix.top_up(world.size(25, 60, 60))
            return newest(mix.db) > limit
        wait_for(passed, 30, "the ids pass 2^31 or 2^32", 0.05)
        world.inject()
        world.land(mix.db.active() > 0)
        for _ in range(world.size(1, 5, 50)):
            mix.top_up(world.size(25, 60, 60))
            time.sleep(0.3)
        mix.finish(world.size(60, 300, 300))
        pool.drain()
    healthy(pool.all())
    world.judge(mix, pool)
    world.checked(2)
