"""Something holds old snapshots, so that no dead row can be removed (row 23)."""
import json

from catalogue import case
from harness import check, wait_for
from judges import all_completed, healthy, journal_is_whole
from sessions import CLAIM

SETTINGS = "shared_preload_libraries = pg_stat_statements\nmax_prepared_transactions = 2\nautovacuum_naptime = 1s\n"
CLAIMS = ("pg_stat_statements where query like '%" + CLAIM + "%' and dbid = (select oid from pg_database where "
          "datname = current_database())")
NAMED = 100000  # transactions, from which on the doctor names who holds a snapshot
RATIO = 5


class Load:
    """Runs in numbers, and single ones whose claims are measured by the server."""

    def __init__(self, world, cluster):
        self.db, self.runs = world.new_database(cluster), 0
        world.known["db"] = self.db
        self.db.psql("create extension pg_stat_statements")
        self.db.apply("pure", [{"x": {"set": {"x": 1}}}])
        self.worker = world.worker("--poll", "20ms")

    def burst(self, count):
        for first in range(0, count, 2000):
            self.runs += len(self.db.start("pure", min(2000, count - first)))
            self.db.wait_idle(60)

    def calls(self):
        return int(self.db.value("select coalesce(sum(calls), 0) from " + CLAIMS))

    def claim_ms(self, count):
        """What a claim costs the server, on average; each is of one run, or of none."""
        self.db.value("select pg_stat_statements_reset()")
        for _ in range(count):
            before = self.calls()
            self.runs += len(self.db.start("pure", 1))
            wait_for(lambda: self.calls() > before, 20, "I5: a run is claimed", 0.005)
        self.db.wait_idle(20)
        return float(self.db.value("select sum(total_exec_time) / sum(calls) from " + CLAIMS))


def a_session(world, load):
    """A session that has read something, and stays where it is. -> (what the doctor says, how it ends)"""
    holder = world.holder("set transaction isolation level repeatable read;\nselect 1")
    pid = load.db.value("select pid from pg_stat_activity where backend_xmin is not null and state = 'idle in "
                        "transaction' and datname = current_database()")
    return "process " + pid, holder.kill


def a_prepared_transaction(world, load):
    load.db.psql("begin; create table forgotten (); prepare transaction 'forgotten'")
    return "prepared transaction forgotten", lambda: load.db.psql("rollback prepared 'forgotten'")


def an_idle_slot(world, load):
    """That of a standby which is gone."""
    primary = load.db.cluster
    load.db.psql("select pg_create_physical_replication_slot('gone', true)")
    standby = world.new_cluster(primary=primary, settings="primary_slot_name = gone\nhot_standby_feedback = on\n"
                                "wal_receiver_status_interval = 1s\n")
    wait_for(lambda: load.db.value("select xmin from pg_replication_slots"), 30, "the standby tells what it reads")
    standby.stop("immediate")
    return "slot gone", lambda: load.db.psql("select pg_drop_replication_slot('gone')")


def dead_rows(db):
    """Of the leases, when a vacuum has tried to remove them."""
    db.psql("vacuum stepwell.lease")
    return int(db.value("select n_dead_tup from pg_stat_user_tables where relid = 'stepwell.lease'::regclass"))


def burn(db, count):
    """Uses that many transaction ids."""
    db.psql("create temp table t (n int); do $$ begin for i in 1..%d loop begin insert into t values (i); "
            "exception when others then null; end; end loop; end $$" % count)


def doctor_names(db, text):
    found = next(c for c in json.loads(db.cli("doctor", "-o", "json")[1])["checks"] if c["name"] == "xmin")
    check(found["status"] == "warning" and text in found["found"], "I10: the doctor does not name %s: %s", text, found)


@case(23, alone=True)
def snapshots_held(world):
    """(The catalogue's goal is 30 minutes of 200 runs a second; what counts is how many dead rows there are,
    so these are made as fast as can be.)"""
    load = Load(world, world.new_cluster(settings=SETTINGS))
    db, count, singles = load.db, world.size(5000, 36000, 360000), world.size(20, 200, 1000)
    load.burst(200)
    db.psql("vacuum analyze stepwell.lease")  # as it is when there was little to do for a while
    before, worst = load.claim_ms(singles), 0
    for hold in world.size([a_prepared_transaction], [a_session, a_prepared_transaction, an_idle_slot],
                           [a_session, a_prepared_transaction, an_idle_slot]):
        world.plan("%s, %d runs", hold.__name__, count)
        name, release = hold(world, load)
        load.burst(count)
        world.inject(count)
        world.land(min(count, dead_rows(db)))
        held = load.claim_ms(singles)
        worst = max(worst, held / before)
        world.note("%s: a claim took %.3f ms, %.3f ms before", hold.__name__, held, before)
        burn(db, NAMED)
        doctor_names(db, name)
        release()
        db.psql("vacuum stepwell.lease")
        world.checked(2 + singles)
    all_completed(db, load.runs)
    journal_is_whole(db)
    healthy([load.worker])
    world.figure("ratio", worst)
    check(worst <= RATIO, "I10: a claim takes %.1f times as long where a snapshot is held", worst)
