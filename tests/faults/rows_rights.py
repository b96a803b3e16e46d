"""Rights that are taken away, objects that are not what they were, names that somebody shadows."""
import subprocess
import time

from catalogue import case
from harness import check, check_landed, http_task, some, sql_task, wait_for
from judges import all_completed, delivered_once, journal_is_whole, nothing_lost, rows_exact

CLERK = "clerk"
# What is done, what undoes it, what the worker and `wfctl start` say of it, and the latter's exit code (0: it
# does not need what is missing).
TAKEN = {
    "journal": ("revoke insert on stepwell.entry from {clerk}", "grant insert on stepwell.entry to {clerk}",
                "permission denied for table entry", 4),
    "lease": ("revoke update on stepwell.lease from {clerk}", "grant update on stepwell.lease to {clerk}",
              "permission denied for table lease", 0),
    "schema": ("revoke usage on schema stepwell from {clerk}", "grant usage on schema stepwell to {clerk}",
               "permission denied for schema stepwell", 4),
    "column": ("alter table stepwell.entry rename column data to gone",
               "alter table stepwell.entry rename column gone to data", 'column "data"', 7),
    "column of the lease": ("alter table stepwell.lease rename column woken to gone",
                            "alter table stepwell.lease rename column gone to woken", 'column "woken"', 0),
    "name of the schema": ("alter schema stepwell rename to elsewhere", "alter schema elsewhere rename to stepwell",
                           "does not exist", 7),
    "login": ("alter role {clerk} nologin; select pg_terminate_backend(pid) from pg_stat_activity where usename = "
              "'{clerk}'", "alter role {clerk} login", "not permitted to log in", 7),
}


def role(db, name):
    """A conninfo of a role that may do what a worker must."""
    db.psql("create role {0} login; grant usage on schema stepwell to {0}; grant select, insert, update, delete on "
            "all tables in schema stepwell to {0}; grant execute on all functions in schema stepwell to {0}; "
            "grant usage on schema audit to {0}; grant select, insert on all tables in schema audit to {0}; "
            "create table effect (run_id text, step int); grant insert on effect to {0}".format(name))
    return db.conninfo.replace("user=postgres", "user=" + name)


def tasks(url, gate):
    return [{"s1": http_task(url, "/hold/%s/{run}/s1" % gate)}, {"q1": sql_task(1)},
            {"s2": http_task(url, "/nodedupe/{run}/s2")}]


def take_away(world, worker, conninfo, what, number):
    """Half of the runs wait for an endpoint, half are in a statement of theirs; the runs."""
    db, gate, (bad, good, said, code) = world.db, "gate%d" % number, TAKEN[what]
    clerk = conninfo.partition("user=")[2].split()[0]
    db.apply(gate, tasks(world.recorder.url, gate))
    lock = world.holder("select pg_advisory_xact_lock(29)")
    ids, slow = db.start(gate, 6), db.start("slow", 2)
    world.recorder.wait("/hold/" + gate, 6)
    wait_for(lambda: db.count("pg_locks where locktype = 'advisory' and objid = 29 and not granted and database = "
                              "(select oid from pg_database where datname = current_database())") == 2, 20,
             "statements run")
    runs, size = db.count("stepwell.run"), len(worker.output())
    world.plan("the %s is taken away", what)
    db.psql(bad.format(clerk=clerk))
    check_landed(world.recorder.release(gate) == 6, "not all were at the gate")
    lock.stdin.write("commit;\n")
    lock.stdin.flush()
    wait_for(lambda: said in worker.output()[size:], 10, "the worker says %r" % said)
    answer = db.cli("start", "crash/" + gate, "--input", '{"n": 0}', "--delay", "1h", conninfo=conninfo)
    check(answer[0] == code and (code == 0 or said in answer[2] or "no Stepwell schema" in answer[2]),
          "I8: start without the %s: exit %d: %s", what, *answer[::2])
    time.sleep(1)  # it must not get busy
    lines = worker.output()[size:].count("\n")
    check(worker.alive() and lines < 100, "I8: %d lines in a second, alive: %s", lines, worker.alive())
    db.psql(good.format(clerk=clerk))
    found = db.count("stepwell.run") - runs
    check(found == (code == 0), "I8: %d runs were made by a start that ended with %d", found, code)
    bare = db.count("stepwell.run r where status is null and not exists (select from stepwell.lease l where "
                    "l.run_id = r.id and exists (select from stepwell.entry e where e.run_id = r.id))")
    check(not bare, "I8: %d runs without a lease or a journal", bare)
    if code == 0:
        db.cli("cancel", answer[1].strip(), expect=0)
    return ids, slow


@case(29)
def rights_and_drift(world):
    """What the worker needs is taken away in the middle of its work, and given back: it says what is missing,
    keeps what it knows, and goes on."""
    db = world.db
    conninfo = role(db, CLERK + "_" + db.name)
    worker = world.worker("--sql-connections", "8", conninfo=conninfo)
    db.apply("slow", [{"q1": sql_task(1, "with l as (select pg_advisory_xact_lock_shared(29)) insert into effect "
                                         "select $1, $2 from l")},
                      {"s2": http_task(world.recorder.url, "/nodedupe/{run}/s2")}])
    every, slow = [], []
    kinds = list(TAKEN) * world.size(1, 5, 50)
    world.random.shuffle(kinds)
    for number, what in enumerate(kinds[:world.size(2, 1000, 1000)]):
        ids, more = take_away(world, worker, conninfo, what, number)
        every += ids
        slow += more
        db.wait_idle(30)
        world.inject()
        world.land()
    left = db.rows("select id, status, error from stepwell.runs where status <> 'completed' and id::text = any ('{%s}')"
                   % ",".join(every + slow))
    check(not left, "I1: %s", some(left))
    journal_is_whole(db)
    nothing_lost(db)
    delivered_once(db, world.recorder, every, ["s1", "s2"])
    delivered_once(db, world.recorder, slow, ["s2"])
    rows_exact(db, every + slow, [1])
    world.check_workers()
    world.checked(3 * len(every) + 2 * len(slow))


# Functions, operators, a table and a view that do not do what their names say, but count who calls them.
SHADOWS = """
create schema evil; create sequence evil.called; grant all on schema evil to public; grant all on sequence
evil.called to public; create table evil.control (n bigint); grant all on evil.control to public;
create function evil.set_config(text, text, boolean) returns text language sql as
    $$ select 'no' || nextval('evil.called') $$;
create function evil.current_setting(text) returns text language sql as $$ select 'on' || nextval('evil.called') $$;
create function evil.pg_backend_pid() returns int language sql as $$ select nextval('evil.called')::int $$;
create function evil.pg_current_xact_id() returns text language sql as $$ select nextval('evil.called')::text $$;
create function evil.clock_timestamp() returns timestamptz language sql as
    $$ select to_timestamp(nextval('evil.called')) $$;
create function evil.pg_notify(text, text) returns void language sql as $$ select nextval('evil.called') $$;
create function evil.same(text, text) returns boolean language sql as $$ select nextval('evil.called') < 0 $$;
create function evil.same(uuid, uuid) returns boolean language sql as $$ select nextval('evil.called') < 0 $$;
create operator evil.= (leftarg = text, rightarg = text, function = evil.same);
create operator evil.<> (leftarg = text, rightarg = text, function = evil.same);
create operator evil.= (leftarg = uuid, rightarg = uuid, function = evil.same);
create view evil.pg_stat_activity as select nextval('evil.called')::int as pid, now() as backend_start,
    ''::text as application_name;
grant select on evil.pg_stat_activity to public;
create table evil.entry (run_id uuid, seq bigint); create table evil.lease (run_id uuid);
"""


@case(29)
def hostile_search_path(world):
    """The role's search_path puts a schema of somebody else before the catalog: none of it is ever called,
    neither by a worker nor by `wfctl`."""
    db, clerk = world.db, CLERK + "_" + world.db.name
    conninfo = role(db, clerk)
    db.psql(SHADOWS + "alter role %s set search_path = evil, pg_catalog, public" % clerk)
    seen = subprocess.run([world.cluster.bin + "/psql", "-qXAt", "-d", conninfo, "-c", "select current_setting('x')"],
                          capture_output=True, text=True)
    check_landed(seen.stdout == "on1\n", "nothing is shadowed: %s", seen)
    db.apply("gate", tasks(world.recorder.url, "gate"))
    count = world.size(10, 100, 1000)
    worker = world.worker("--concurrency", str(count + 2), conninfo=conninfo)
    ids = db.start("gate", count)
    for words in (["start", "crash/gate", "--input", '{"n": 0}'], ["start", "crash/gate", "--key", "k", "--input",
                                                                          '{"n": 1}']):
        ids += db.cli(*words, expect=0, conninfo=conninfo)[1].split()
    world.recorder.wait("/hold", len(ids))
    db.value("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '%s'" % clerk)
    for words in (["list"], ["status"], ["history", ids[0]], ["status", ids[0]], ["workflows"], ["doctor"]):
        code, _, err = db.cli(*words, conninfo=conninfo)
        check(code in ((0, 1) if words == ["doctor"] else (0,)), "I8: %s: exit %d: %s", words, code, err)
        world.inject()
        world.land()
    wait_for(lambda: world.recorder.release("gate") + 1 and not db.active(), 20, "I5: all runs end", 0.2)
    all_completed(db, len(ids))
    journal_is_whole(db)
    called = int(db.value("select last_value from evil.called"))
    check(called == 1, "I8: %d calls went to functions, operators or views of somebody else", called - 1)
    delivered_once(db, world.recorder, ids, ["s1", "s2"], 2)
    rows_exact(db, ids, [1])
    check(worker.alive(), "I8: %s", worker.output()[-2000:])
    world.check_workers()
    world.checked(3 * len(ids))
