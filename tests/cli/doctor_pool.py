"""What `wfctl doctor` says of workers and of what waits for them."""
import signal

from doctor_world import NOTHING, PATIENCE, SLEEP, set_role
from harness import check, wait_for


def workers(w):
    """workers that are gone, draining or of another version are told apart"""
    w.doctor().exits(0).expect("workers", "warning", "0 alive", "wfctl worker")
    worker = w.worker()
    w.psql("update stepwell.worker set version = '0.0.9', draining = true")
    w.doctor().exits(0).expect("workers", "warning", "1 alive", "1 of them draining",
                               "another version or build than", "0.0.9")
    w.psql("update stepwell.worker set version = split_part(version, '+', 1) || '+000000000000', draining = false")
    w.doctor().exits(0).expect("workers", "warning", "another version or build than", "+000000000000")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    w.psql("update stepwell.worker set expires_at = clock_timestamp() - interval '1 minute'")
    w.doctor().exits(0).expect("workers", "warning", "0 alive", "1 gone")


def orphans(w):
    """leases of nobody and of the dead are problems while no worker lives, then they go"""
    run = w.start("sleep", SLEEP)
    w.psql("update stepwell.lease set owner = gen_random_uuid()")
    w.doctor().exits(1).expect("leases", "problem", "1 run owned by a worker that is not of the pool",
                               run, "wfctl worker")
    w.psql("insert into stepwell.worker (id, host, pid, version, expires_at, postmaster_started_at) "
           "select owner, 'h', 1, '0.1.0', clock_timestamp() - interval '2 minutes', now() from "
           "stepwell.lease")
    w.doctor().exits(1).expect("leases", "problem", "1 run owned by a worker that is gone", "2m")
    w.worker()
    wait_for(lambda: w.psql("select state from stepwell.lease") == "waiting", PATIENCE, "it is taken over")
    w.doctor().exits(0).all_well()


def baseless(w):
    """a lease whose run is not there stops nobody, and is a problem that is named"""
    w.define("plain", NOTHING)
    gone = w.psql("select stepwell.start('test/plain')")
    for table in ("entry", "run"):
        w.psql("delete from stepwell." + table)
        w.doctor().exits(1).expect("leases", "problem", "1 run whose journal is not there", gone)
    w.psql("insert into stepwell.lease (run_id, definition_id, due) select '00000000-0000-7000-8000-000000000001', "
           "definition_id, now() from stepwell.lease")  # of a week that was dropped
    w.doctor().exits(1).expect("leases", "problem", "2 runs whose journal is not there",
                               "delete from stepwell.lease where run_id")
    w.psql("select stepwell.start('test/plain')")
    w.worker()
    wait_for(lambda: w.psql("select count(*) from stepwell.runs where status = 'completed'") == "1",
             PATIENCE, "the plain run ends")
    wait_for(lambda: w.psql("select string_agg(distinct state || reason, ' ') from stepwell.lease")
             == "suspendedits journal is not there", PATIENCE, "they are suspended")
    check(gone in w.psql("select run_id from stepwell.lease"), "the lease is kept")


def restless(w):
    """suspects that wait for a process of their own, and runs whose workers die again and again, are named"""
    run = w.start("sleep", SLEEP)
    w.psql("update stepwell.lease set suspect_at = clock_timestamp() - interval '1 minute', due = 'infinity'")
    w.doctor().exits(1).expect("leases", "problem", "1 run due for up to 1m", "no worker is alive")
    w.psql("update stepwell.lease set suspect_at = null, losses = 7, lost_at = now()")
    w.doctor().exits(0).expect("leases", "warning", "1 run whose workers die again and again", run,
                               "wfctl suspend RUN")


def logins(w):
    """workers of several logins, of which one may not end the other's sessions, are a warning"""
    for role in ("wa", "wb"):
        set_role(w, role, "work_mem = '4MB'")
        w.psql("alter role %s nosuperuser; grant usage on schema stepwell to %s; grant select, insert, "
               "update, delete on all tables in schema stepwell to %s; grant execute on all functions in "
               "schema stepwell to %s" % (role, role, role, role))
        w.stack.callback(w.psql, "drop owned by " + role)
    w.psql("grant pg_monitor to wb")
    w.worker()
    w.doctor().exits(0).expect("workers", "ok", "1 alive")
    for role in ("wa", "wb"):
        w.worker("--db", w.conninfo.replace("user=postgres", "user=" + role))
    w.doctor().exits(0).expect("workers", "warning", "login wb may not end sessions of login wa",
                               "grant pg_signal_backend")
    w.psql("grant pg_signal_backend to wb")
    report = w.doctor()
    check("login wb may not end sessions of login wa" not in report.checks["workers"]["found"], "%s", report)


def due(w):
    """runs that are due and not taken: nobody works, or nobody has what they need"""
    w.define("plain", NOTHING)
    w.psql("select stepwell.start('test/plain')")
    w.psql("update stepwell.lease set due = clock_timestamp() - interval '5 minutes'")
    w.doctor().exits(1).expect("leases", "problem", "1 run due for up to 5m", "no worker is alive")
    w.start("shell", [{"a": {"run": {"shell": {"command": "true"}}}}])
    w.start("other", [{"a": {"call": "sql", "with": {"statement": "select 1", "database": "stock"}}}])
    w.start("own", [{"a": {"call": "sql", "with": {"statement": "select 1"}}}, {"b": {"run": {"shell": {"command": "true"}}}}])
    w.psql("update stepwell.lease set due = clock_timestamp() - interval '5 minutes'")
    w.worker()
    wait_for(lambda: w.psql("select count(*) from stepwell.runs where status = 'completed'") == "1",
             PATIENCE, "the plain run ends")
    w.doctor().exits(1).expect("leases", "problem", "in need of shell", "--allow-run",
                               "in need of database:stock", "--database NAME=CONNINFO",
                               "in need of shell, sql", "--allow-run --allow-sql")


def suspended(w):
    """suspended runs are counted by reason"""
    run = w.start("sleep", SLEEP)
    w.wfctl("suspend", run)
    w.worker()
    wait_for(lambda: w.psql("select state from stepwell.lease") == "suspended", PATIENCE, "it is suspended")
    w.doctor().exits(0).expect("suspended", "warning", "1 run: ", run, "wfctl status RUN")


def events(w):
    """events that nobody routes are a warning"""
    w.psql("""select stepwell.emit('{"id": "1", "source": "s", "type": "t"}')""")
    w.doctor().exits(0).expect("events", "ok", "1 event not routed")
    w.psql("update stepwell.event set at = at - interval '2 minutes'")
    w.doctor().exits(0).expect("events", "warning", "1 event not routed, the oldest for 2m", "start a worker")
    w.psql("update stepwell.event set tries = 5")
    w.doctor().exits(0).expect("events", "warning", "1 event not routed any more", "1 of s",
                               "update stepwell.event set tries = 0")


def locks(w):
    """who waits for a lock, and who holds it"""
    w.start("sleep", SLEEP)
    holder = w.session("begin", "update stepwell.lease set reason = 'x'", application="migration")
    waiter = w.background(w.cluster.bin + "/psql", "-qXAt", "-d", w.conninfo, "-c",
                          "update stepwell.lease set reason = 'y'")
    wait_for(lambda: w.psql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and "
                            "query_start < clock_timestamp() - interval '1 s'") == "1", PATIENCE, "it waits")
    w.doctor().exits(0).expect("locks", "warning", "process %d (migration, role postgres" % holder,
                               "pg_terminate_backend(%d)" % holder)
    w.psql("select pg_terminate_backend(%d)" % holder)
    waiter.wait(PATIENCE)
    w.doctor().exits(0).expect("locks", "ok")


def locked_table(w):
    """a table that cannot be read is skipped within seconds, not waited for"""
    w.session("begin", "lock table stepwell.lease")
    report = w.doctor()
    report.expect("leases", "skipped", "lock timeout").expect("fsync", "ok")


CASES = [workers, orphans, baseless, restless, logins, due, suspended, events, locks, locked_table]
