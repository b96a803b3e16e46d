"""Isolation levels of sessions and callers, and all settings that a role or a database may have (row 65)."""
import concurrent.futures
import subprocess

from catalogue import case
from harness import Failure, check, check_landed, http_task, records_of
from judges import Verdict, healthy, journal_is_whole
from settings import COSTLY, ELSEWHERE, REFUSING, unusual

NAMES = ["line", "nap", "listen", "sql", "parent", "pure", "compensate"]
LISTS = ("search_path", "temp_tablespaces")  # of names
LEVELS = ("read uncommitted", "read committed", "repeatable read", "serializable")


# ---- Isolation ----

def call(db, sql):
    """A statement in a session of its own, again where the server says that it could not be serialized: what it gave."""
    for _ in range(100):
        done = subprocess.run([db.cluster.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=sqlstate", "-d",
                               db.conninfo], input=sql, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
        check("40001" in done.stderr, "I8: %s: %s", sql, done.stderr)
    check(False, "I5: not once in 100 attempts: %s", sql)


@case(65)
def isolation_of_callers(world):
    """Sessions of another isolation by default, and callers that start and emit in one at the same time: each key has
    one run and one event, and the workload ends as it must."""
    v = Verdict()
    for level in [world.random.choice(LEVELS[2:])] if world.sizes == 0 else LEVELS:
        mix = world.mix(NAMES)
        db = mix.db
        db.psql("alter database %s set default_transaction_isolation = '%s'" % (db.name, level))
        db.close()
        check_landed(db.psql("show transaction_isolation") == level, "sessions are not %s", level)
        db.apply("called", [{"s": http_task(mix.recorder.url, "/dedupe/{run}/s")}])
        keys, callers = world.size(5, 60, 300), 4
        with world.mixed_pool(mix, 2) as pool:
            mix.start(world.size(8, 80, 300))
            calls = [(k, world.random.choice(LEVELS)) for k in range(keys) for _ in range(callers)]
            world.random.shuffle(calls)
            world.plan("%s: %d calls", level, len(calls))
            with concurrent.futures.ThreadPoolExecutor(callers) as threads:
                ids = list(threads.map(lambda c: (c[0], call(db, (
                    "begin isolation level %s; select stepwell.start('crash/called', '{\"n\": %d}', 'k%d'); select stepwell.emit("
                    "'{\"id\": \"%d\", \"source\": \"/s\", \"type\": \"t\"}') \\g /dev/null\ncommit;") % (
                        c[1], c[0], c[0], c[0]))), calls))
            mix.finish(60)
            pool.drain()
        healthy(pool.all())
        runs = dict(ids)
        v.none([k for k, run in ids if run != runs[k]], "I1: %s: two runs of one key" % level)
        v.that(db.count("stepwell.event where type = 't'") == keys, "I1: %s: events are missing", level)
        records = records_of(mix.recorder)
        for run in runs.values():
            v.that(len(records.get((run, "s"), ())) == 1, "I2: %s: run %s has called %d times", level, run,
                   len(records.get((run, "s"), ())))
            db.psql("delete from stepwell.run where id = '%s'; delete from stepwell.entry where run_id = '%s'; delete from "
                    "audit.entry where run_id = '%s'" % (run, run, run))
        v.end()
        journal_is_whole(db)
        world.inject(len(calls))
        world.land(len(calls))
        world.checked(2 * len(calls))


# ---- All settings ----

def values_of(world):
    """(name, value) of each setting that a role may have, as often as it has unusual values."""
    rows = world.db.rows("select name, vartype, enumvals, min_val, max_val, boot_val from pg_settings where context in "
                         "('user', 'superuser') and name not like '%.%' order by name")
    return [[(row["name"], value) for value in unusual(row)] for row in rows
            if row["name"] not in ELSEWHERE and row["name"] not in REFUSING]


def groups_of(world):
    """Each value of each setting in one of some groups, in which a setting is but once: in the short size
    one of each of those that cost little, by chance; else all of them by fifteens, or each alone."""
    values = values_of(world)
    if world.sizes == 0:
        cheap = [v for v in values if not v or not v[0][0].startswith(COSTLY)]
        return [[world.random.choice(v) for v in cheap if v] for _ in range(1)]
    size, groups = world.size(0, 15, 1), []
    for index in range(max(map(len, values))):
        flat = [v[index] for v in values if len(v) > index]
        world.random.shuffle(flat)
        groups += [flat[i:i + size] for i in range(0, len(flat), size)]
    return groups


def give(world, db, group):
    """Sets them for the database, or for a role in it; what of them the server takes, and a conninfo."""
    role = None
    if world.random.random() < 0.5:
        role = "odd_" + db.name
        db.psql("create role %s superuser login" % role)
    whose = "role %s in database %s" % (role, db.name) if role else "database " + db.name
    said = alter(db, "".join("alter %s set %s = %s;\n" % (whose, name, value if value and name in LISTS else "'%s'" % value)
                             for name, value in group))
    world.plan("not taken: %s", said)
    names = db.value("select string_agg(split_part(c, '=', 1), ' ') from pg_db_role_setting, unnest(setconfig) c where "
                     "setdatabase = (select oid from pg_database where datname = current_database())").split()
    conninfo = db.conninfo.replace("user=postgres", "user=" + role) if role else db.conninfo
    return [one for one in group if one[0] in names], conninfo


def alter(db, sql):
    """From another database, one statement after the other; what the server said."""
    return subprocess.run([db.cluster.bin + "/psql", "-qXAt", "-d", db.cluster.conninfo("postgres")], input=sql,
                          capture_output=True, text=True).stderr.strip()


def is_refusal(code, err):
    return code in (1, 6, 7) and err.startswith("wfctl: ") and len(err) > 20


@case(65, long=True)
def all_settings(world):
    """Every setting that a role or a database may have, at unusual values, some at a time: runs end as they must, and
    what wfctl is asked is answered, or it says why not."""
    world.db.psql("set allow_in_place_tablespaces = on; create tablespace other location ''")
    for number, group in enumerate(groups_of(world)):
        mix = world.mix(NAMES)
        db = mix.db
        db.value("select 1")  # the judges' session is as usual
        taken, conninfo = give(world, db, group)
        world.plan("%d: %s", number, ", ".join("%s = %s" % one for one in taken))
        with world.mixed_pool(mix, 1, conninfo=conninfo) as pool:
            mix.start(world.size(8, 24, 16))
            for words in (["start", "crash/pure", "--input", '{"n": 3}'], ["list"], ["doctor"],
                          ["gc", "--older-than", "30d"], ["migrate"]):
                code, out, err = db.cli(*words, conninfo=conninfo)
                check(code == 0 or is_refusal(code, err) or words == ["doctor"] and code == 1,
                      "I8: %s: exit %d: %s%s; %s", words, code, out, err, taken)
                if words[0] == "start" and code == 0:
                    run = out.strip()
                    mix.runs[run], mix.given[run] = mix.scenarios["pure"], {"n": 3}
            try:
                mix.finish(60)
                db.psql("alter database %s reset all" % db.name)
                db.cli("status", next(iter(mix.runs)), "-o", "json", conninfo=conninfo, expect=0)
                pool.drain()
                world.judge(mix, pool)
            except Failure as failure:
                errors = db.rows("select name, error from stepwell.runs where error is not null limit 3")
                raise Failure("%s\n%s\nwith %s" % (failure, errors, taken), failure.count) from None
        world.inject(len(taken))
        world.land(len(taken))
    db = world.new_database()
    db.apply("one", [{"s": {"set": {"x": 1}}}])
    for name, value in REFUSING.items():
        alter(db, "alter database %s reset all; alter database %s set %s = %s" % (db.name, db.name, name, value))
        before = db.count("stepwell.run")
        code, _, err = db.cli("start", "crash/one")
        check(code == 0 or is_refusal(code, err), "I8: %s: exit %d: %s", name, code, err)
        check(db.count("stepwell.run") == before + (code == 0), "I1: %s: exit %d", name, code)
        world.inject()
        world.land()
