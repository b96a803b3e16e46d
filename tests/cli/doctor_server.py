"""What `wfctl doctor` says of a server: its settings, the schema in it, rights, connections."""
from doctor_world import PATIENCE, set_role
from harness import check, wait_for


def unreachable(w):
    """no server, or no such database: one check says so, exit 7, no password is shown"""
    for words in ("host=%s/none password=hunter2" % w.dir, w.cluster.conninfo("none")):
        report = w.doctor(db=words).exits(7).expect("connection", "problem")
        check(list(report.checks) == ["connection"], "more was checked: %s", report)
        check("hunter2" not in report.out + report.err, "the password is shown")


def schema_missing(w):
    """without the schema the rest is skipped, exit 7"""
    w.psql("drop schema stepwell cascade")
    report = w.doctor("--probe").exits(7).expect("schema", "problem", "missing", "wfctl migrate")
    report.expect("rights", "skipped", "no schema")
    report.expect("leases", "skipped").expect("partitions", "skipped").expect("fsync", "ok")
    check("probe-run" not in report.checks, "it was probed")


def schema_versions(w):
    """an older or newer schema is exit 7; other functions are a warning"""
    w.psql("update stepwell.migration set digest = 'x' where number = 0")
    w.doctor().exits(0).expect("schema", "warning", "wfctl migrate")
    w.psql("delete from stepwell.migration where number = (select max(number) from stepwell.migration)")
    w.doctor().exits(7).expect("schema", "problem", "older")
    w.psql("insert into stepwell.migration values (9999, 'x', 'x')")
    w.doctor().exits(7).expect("schema", "problem", "newer wfctl")


def encoding(w):
    """a database that is not UTF8 is exit 7"""
    w.psql("create database latin template template0 encoding LATIN1 locale 'C'")
    w.stack.callback(w.psql, "drop database latin", database="postgres")
    report = w.doctor(db=w.cluster.conninfo("latin")).exits(7)
    report.expect("encoding", "problem", "LATIN1", "createdb")
    report.expect("schema", "problem").expect("leases", "skipped")


def durability(w):
    """fsync and full_page_writes off are problems, and so is autovacuum"""
    settings = ("fsync", "full_page_writes", "autovacuum")
    w.stack.callback(w.psql, "".join("alter system reset %s;\n" % s for s in settings) +
                     "select pg_reload_conf()", database="postgres")
    w.psql("".join("alter system set %s = off;\n" % s for s in settings) + "select pg_reload_conf()")
    wait_for(lambda: w.psql("show fsync") == "off", PATIENCE, "the settings are loaded")
    report = w.doctor().exits(1)
    report.expect("fsync", "problem", "alter system set fsync = on")
    report.expect("full_page_writes", "problem").expect("vacuum", "problem", "autovacuum is off")


def synchronous_commit(w):
    """synchronous_commit off of the database or the role is a warning that says whose"""
    w.psql("alter database %s set synchronous_commit = off" % w.name)
    w.doctor().exits(0).expect("synchronous_commit", "warning", "off, by the database")
    db = set_role(w, "careless", "synchronous_commit = local")
    w.doctor(db=db).expect("synchronous_commit", "warning", "local, by the role")


def timeouts(w):
    """short timeouts of a role are warnings, long ones are told"""
    db = set_role(w, "hasty", "statement_timeout = '50ms'")
    w.psql("alter role hasty set lock_timeout = '10ms'; alter role hasty in database %s set "
           "idle_session_timeout = '5s'; alter role hasty set "
           "idle_in_transaction_session_timeout = '1h'" % w.name)
    report = w.doctor(db=db).exits(0)
    report.expect("timeouts", "warning", "statement_timeout is 50ms, by the role",
                  "lock_timeout is 10ms, by the role",
                  "idle_session_timeout is 5.0s, by the role in this database",
                  "idle_in_transaction_session_timeout is 1h 0m", "raise statement_timeout")
    check("raise idle_in_transaction" not in report.checks["timeouts"]["advice"], "one hour is enough")


def read_only(w):
    """a database that is read-only by default is exit 7, not unreachable"""
    w.psql("alter database %s set default_transaction_read_only = on" % w.name)
    report = w.doctor("--probe").exits(7).expect("primary", "problem", "default_transaction_read_only")
    check("probe-commit" not in report.checks, "it was probed")


def rights(w):
    """missing rights are named; with exactly those that are asked for a worker works"""
    w.psql("create role clerk login")
    w.stack.callback(w.psql, "drop owned by clerk; drop role clerk", database="postgres")
    w.stack.callback(w.psql, "drop owned by clerk")
    db = w.conninfo.replace("user=postgres", "user=clerk")
    worker = w.wfctl("worker", "--until-idle", db=db, expect=7)
    check("grant USAGE on schema stepwell to clerk" in worker.stderr, "%s", worker.stderr)
    report = w.doctor(db=db).exits(7)
    report.expect("rights", "problem", "schema stepwell: no USAGE", "table lease: no SELECT, INSERT, "
                  "UPDATE, DELETE", "function make_partitions: no EXECUTE", "role clerk")
    report.expect("schema", "problem").expect("leases", "skipped")
    for missing in report.checks["rights"]["found"].split("; "):
        what, _, right = missing.partition(": no ")
        kind, name = what.split(" ")
        check("'" not in name, "a name")
        w.psql("do $$ declare f regprocedure; begin " + (
            "for f in select oid from pg_proc where proname = '%s' and pronamespace = "
            "'stepwell'::regnamespace loop execute format('grant %s on function %%s to clerk', f); "
            "end loop; " % (name, right) if kind == "function" else "grant %s on %s %s%s to clerk; " % (
                right, kind, "stepwell." if kind == "table" else "", name)) + "end $$")
    w.doctor(db=db).exits(0).expect("rights", "ok").expect("disk", "ok", "pg_monitor").expect(
        "xmin", "ok", "pg_read_all_stats")
    path = w.dir + "/work.json"
    w.define("work", [{"a": {"set": {"n": 1}}}, {"b": {"wait": "PT0.1S"}},
                      {"c": {"call": "sql", "with": {"statement": "select 1"}}},
                      {"d": {"emit": {"event": {"with": {"source": "a:b", "type": "c.d"}}}}},
                      {"e": {"listen": {"to": {"one": {"with": {"type": "c.d"}}}}}}])
    w.wfctl("run", path, "--allow-sql", db=db)
    report = w.doctor("--probe", db=db).exits(0).expect("probe-run", "skipped", "DELETE")
    report.expect("probe-commit", "ok").expect("probe-notify", "ok")
    w.psql("revoke delete on stepwell.lease from clerk")
    w.doctor(db=db).exits(1).expect("rights", "problem", "table lease: no DELETE")
    worker = w.wfctl("worker", "--until-idle", db=db, expect=7)
    check("grant DELETE on stepwell.lease to clerk" in worker.stderr and "is ready" not in worker.stderr,
          "%s", worker.stderr)
    w.psql("grant delete on stepwell.lease to clerk; revoke all on stepwell.runs from clerk")
    w.wfctl("worker", "--until-idle", db=db)


def connections(w):
    """a role that may hardly connect has too few connections for a worker"""
    w.psql("create role narrow superuser login connection limit 5")
    w.stack.callback(w.psql, "drop role narrow", database="postgres")
    db = w.conninfo.replace("user=postgres", "user=narrow")
    w.doctor(db=db).exits(0).expect("connections", "warning", "of 5 in use by this role", "4 are left")
    w.psql("alter role narrow connection limit 3")
    w.doctor(db=db).exits(1).expect("connections", "problem", "too few are left", "alter role")


CASES = [unreachable, schema_missing, schema_versions, encoding, synchronous_commit, timeouts, read_only,
         rights, connections]
ALONE = [durability]
