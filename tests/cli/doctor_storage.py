"""What `wfctl doctor` says of what holds old rows, and of the tables."""
import os
import shutil

from doctor_world import PATIENCE
from harness import check, wait_for


def old_snapshot(w):
    """an old snapshot is a warning that names its session"""
    pid = w.session("begin isolation level repeatable read", "select 'x'", application="nightly report")
    w.doctor().exits(0).expect("xmin", "ok")
    w.burn()
    report = w.doctor().exits(0).expect("xmin", "warning", "process %d" % pid, '"nightly report"',
                                        "role postgres", "idle in transaction",
                                        "pg_terminate_backend(%d)" % pid)
    check("'x'" not in report.out, "a query's text is shown")


def prepared_transaction(w):
    """a forgotten prepared transaction is named"""
    w.stack.callback(w.psql, "rollback prepared 'forgotten'")
    w.psql("create table p (n int); begin; insert into p values (1); prepare transaction 'forgotten'")
    w.burn()
    w.doctor().exits(0).expect("xmin", "warning", "prepared transaction forgotten of postgres",
                               "rollback prepared")


def slot_of_a_lost_standby(w):
    """a standby is exit 7; when it is gone, its slot is named: it keeps WAL and old rows"""
    data, c = w.cluster.dir + "/standby", w.cluster
    c.tool("pg_basebackup", "-h", c.dir + "/socket", "-U", "postgres", "-D", data, "-R", "-C", "-S",
           "standby1", "--checkpoint=fast", "--no-sync")
    w.stack.callback(shutil.rmtree, data, ignore_errors=True)
    w.stack.callback(w.psql, "select pg_drop_replication_slot('standby1')", database="postgres")
    with open(data + "/postgresql.auto.conf", "a") as conf:
        conf.write("hot_standby_feedback = on\nwal_receiver_status_interval = 1s\nport = 5999\n")
    c.tool("pg_ctl", "-D", data, "-l", data + "/log", "-w", "start")
    w.stack.callback(c.tool, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", allowed=(0, 1))
    report = w.doctor(db=w.conninfo + " port=5999").exits(7)
    report.expect("primary", "problem", "standby", "target_session_attrs")
    both = "host=%s/socket,%s/socket port=5999,5432 dbname=%s user=postgres" % (c.dir, c.dir, w.name)
    w.doctor(db=both).exits(0).expect("primary", "ok")
    wait_for(lambda: w.psql("select xmin from pg_replication_slots"), PATIENCE, "feedback comes")
    w.doctor().expect("slots", "ok", "1 slot")
    c.tool("pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
    w.burn()
    report = w.doctor().exits(0).expect("slots", "warning", "standby1 is inactive",
                                        "pg_drop_replication_slot('standby1')")
    report.expect("xmin", "warning", "the inactive replication slot standby1")


def wraparound(w):
    """a database that is half-way to wraparound is a warning, nearly there a problem"""
    c = w.cluster
    c.stop()
    for xid, status in ((1100000000, "warning"), (1900000000, "problem")):
        segment = c.data + "/pg_xact/%04X" % (xid // (1 << 20))
        with open(segment, "wb") as file:
            file.write(bytes(1 << 18))
        if os.getuid() == 0:
            shutil.chown(segment, "postgres", "postgres")
        c.tool("pg_resetwal", "-x", str(xid), "-D", c.data)
        c.start()
        w.doctor().exits(1 if status == "problem" else 0).expect("wraparound", status, w.name + ": age 1",
                                                                 "vacuum (freeze)")
        c.stop()
    c.start()


def bloat(w):
    """dead rows of the leases that nobody vacuums, and what they leave, are warnings"""
    w.psql("alter table stepwell.lease set (autovacuum_enabled = off)")
    w.psql("insert into stepwell.lease (run_id, definition_id, due) select gen_random_uuid(), "
           "gen_random_uuid(), 'infinity' from generate_series(1, 200000); delete from stepwell.lease")
    wait_for(lambda: w.psql("select n_dead_tup > 150000 from pg_stat_user_tables where relname = "
                            "'lease'") == "t", PATIENCE, "the statistics come")
    report = w.doctor().exits(1)
    report.expect("vacuum", "problem", "200000 dead rows", "autovacuum is off for stepwell.lease")
    report.expect("lease-size", "warning", "for 0 rows", "vacuum full")
    w.psql("alter table stepwell.lease reset (autovacuum_enabled); vacuum full stepwell.lease")
    w.psql("vacuum stepwell.lease")
    w.doctor().exits(0).expect("vacuum", "ok", "vacuumed").expect("lease-size", "ok")


def partitions(w):
    """missing partitions of later weeks are warnings, one of this week a problem"""
    names = w.psql("select 'run' || to_char(clock_timestamp() at time zone 'UTC' + n * interval "
                   "'7 days', '_IYYY\"w\"IW') from generate_series(0, 2) n").split()
    w.psql("drop table stepwell." + names[2])
    w.doctor().exits(0).expect("partitions", "warning", names[2] + " is missing", "make_partitions()")
    w.psql("select stepwell.make_partitions()")
    w.doctor().exits(0).expect("partitions", "ok")
    w.psql("alter table stepwell.run detach partition stepwell." + names[0])
    w.doctor().exits(1).expect("partitions", "problem", names[0] + " is not attached", "attach")
    w.psql("drop table stepwell." + names[0])
    w.doctor().exits(1).expect("partitions", "problem", names[0] + " is missing")


def partition_bounds(w):
    """partitions with wrong bounds are named, with the time that they leave without one; make_partitions fills it"""
    names = w.psql("select 'entry' || to_char(clock_timestamp() at time zone 'UTC' + n * interval "
                   "'7 days', '_IYYY\"w\"IW') from generate_series(0, 2) n").split()
    week = "(date_trunc('week', clock_timestamp() at time zone 'UTC') + interval '%d days %d hours')"
    for number, status, code in ((1, "warning", 0), (0, "problem", 1)):
        w.psql("drop table stepwell.%s; do $$ begin execute format('create table stepwell.%s partition of stepwell.entry "
               "for values from (%%L) to (%%L)', %s); end $$" % (names[number], names[number], ", ".join(
                   "stepwell.first_id(%s at time zone 'UTC')" % (week % at) for at in (
                       (7 * number, 0), (7 * number + 7, -1)))))
        times = w.psql("select to_char(t, 'YYYY-MM-DD HH24:MI') from unnest(array[%s, %s]) t" % (
            week % (7 * number + 7, -1), week % (7 * number + 7, 0))).splitlines()
        w.doctor().exits(code).expect("partitions", status, names[number] + " has other bounds", "from %s to %s (UTC)" % tuple(
            times), "make_partitions()")
    w.psql("select stepwell.make_partitions()")
    w.doctor().exits(0).expect("partitions", "ok")


def ids_of_the_future(w):
    """ids that are ahead of the clock tell that it was set back"""
    w.psql("insert into stepwell.run (id, definition_id, input, created_at) select stepwell.first_id("
           "clock_timestamp() + interval '3 days'), gen_random_uuid(), 'null', now()")
    w.doctor().exits(1).expect("partitions", "problem", "2d 23h ahead", "clock")


CASES = [old_snapshot, prepared_transaction, bloat, partitions, partition_bounds, ids_of_the_future]
ALONE = [slot_of_a_lost_standby, wraparound]
