#!/usr/bin/env python3
"""`call: sql`: what a statement may leave behind, what it may do to its session and to the server, and when what it
committed counts as durable.

    test_sql_steps.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs. Some cases start a server of their own."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from cli_world import PATIENCE, Server, World, main, post  # noqa: E402
from checks import stretch  # noqa: E402
from harness import ROOT, Cluster, check, wait_for  # noqa: E402

LEASE = ("--allow-sql", "--lease", "3s", "--heartbeat", "300ms")
CLIENTS = {"TimeZone": "Asia/Kolkata", "DateStyle": "German, DMY", "IntervalStyle": "sql_standard",
           "bytea_output": "escape", "extra_float_digits": "-5", "xmloption": "document",
           "standard_conforming_strings": "off", "array_nulls": "off", "transform_null_equals": "on",
           "statement_timeout": "7s", "lock_timeout": "1ms", "synchronous_commit": "off",
           "idle_in_transaction_session_timeout": "3s", "client_encoding": "LATIN1", "search_path": "elsewhere",
           "client_min_messages": "error", "row_security": "off", "enable_indexscan": "off",
           "idle_session_timeout": "3s", "exit_on_error": "on"}
OURS = {"role": "none"}  # what prepare_step sets, and a statement cannot leave


def sql(statement, output="value", **more):
    return {"call": "sql", "with": {"statement": statement, "output": output, **more}}


def do(body):
    return sql("do $do$ begin %s; end $do$" % body, "count")


def entries(w, run, what="count(*)", where="true"):
    return w.sql("select %s from stepwell.entry where run_id = '%s' and %s" % (what, run, where))


def journal(w, run):
    return entries(w, run, "string_agg(at || data, chr(10) order by seq)")


def of_its_own(case):
    """The case with a world on a server of its own, and the server."""
    def run(w):
        cluster = Cluster(settings="wal_writer_delay = 10s\nautovacuum = off\n")
        w.stack.callback(cluster.destroy)
        own = World(Server(cluster.conninfo("postgres")), case.__name__)
        w.stack.callback(own.close)
        case(own, cluster)
    run.__name__, run.__doc__ = case.__name__, case.__doc__
    return run


def left_behind(w):
    """no setting that a statement leaves behind is there when its outcome is appended"""
    text = (ROOT / "sql/queries/prepare_step.sql").read_text()
    names = re.findall(r"set_config\('(\w+)'", text)
    check(len(names) > 10 and set(names) <= set(CLIENTS) | set(OURS), "not tried here: %s",
          set(names) - set(CLIENTS) - set(OURS))
    w.sql("create schema seen; create table seen.settings (name text, value text);"
          "create function seen.note() returns trigger language plpgsql as $$ begin "
          "if new.kind = 'completed' then insert into seen.settings select name, setting from pg_settings "
          "union all select 'role', current_user; end if; return null; end $$;"
          "create trigger note after insert on stepwell.entry for each row execute function seen.note();"
          "create role %s_other; grant all on schema seen to %s_other" % (w.server.mark, w.server.mark))
    w.stack.callback(lambda: w.sql("drop owned by %s_other; drop role %s_other" % (w.server.mark, w.server.mark)))
    sets = "; ".join("perform set_config('%s', '%s', true)" % pair for pair in CLIENTS.items())
    path = w.file("left", [{"leave": do(sets + "; set local role %s_other" % w.server.mark)}])
    w.expect(0, "run", "--allow-sql", path)
    seen = dict(line.split("|", 1) for line in w.sql("select * from seen.settings").splitlines())
    units = {"7s": "7000", "1ms": "1", "3s": "3000"}
    for name, value in CLIENTS.items():
        check(seen[name] != units.get(value, value), "%s is still %s", name, value)
    check(seen["synchronous_commit"] == "on" and seen["role"] == w.sql("select current_user"), "%s", seen)


def text_survives(w):
    """an encoding that a statement leaves behind changes no value that is stored"""
    path = w.file("enc", [{"a": {"set": {"word": "é"}, "export": {"as": "."}}},
                          {"b": {**sql("select set_config('client_encoding', 'LATIN1', true)"),
                                 "output": {"as": "${ {word: \"é\", v: .} }"}}},
                          {"c": {"set": "${ [$context.word, .] }"}}])
    w.expect(0, "run", "--allow-sql", path)
    got = json.loads(w.sql("select output from stepwell.runs"))
    check(got == ["é", {"word": "é", "v": "LATIN1"}], "%s", got)


def texts_are_pinned(w):
    """what a value's text looks like does not depend on the database's settings"""
    for pair in (("timezone", "America/New_York"), ("datestyle", "German, DMY"), ("intervalstyle", "iso_8601"),
                 ("extra_float_digits", "-5"), ("bytea_output", "escape")):
        w.sql("alter database %s set %s = '%s'" % (w.sql("select current_database()"), *pair))
    path = w.file("pinned", [{"a": sql(
        "select timestamptz '2025-08-19T02:00:00+02' as t, date '02/01/2026' as d, interval '90 minutes' as i, "
        "float8 '0.1' + float8 '0.2' as f, bytea 'a' as b", "row")}])
    w.expect(0, "run", "--allow-sql", path)
    got = w.sql("select output from stepwell.runs")
    check(got == '{"t":"2025-08-19 00:00:00+00","d":"2026-02-01","i":"01:30:00","f":0.30000000000000004,'
          '"b":"\\\\x61"}', "%s", got)


def own_faults(w):
    """a transaction made read only, a limit, and what is said over a connection that lives are the step's faults"""
    w.sql("create table made (n int)")
    for name, task, text in (
            ("ro", do("insert into made values (1); perform set_config('transaction_read_only', 'on', true)"),
             "made its transaction read only"),
            ("write", do("perform set_config('transaction_read_only', 'on', true); insert into made values (1)"),
             "read-only transaction"),
            ("few", sql("select $1::int + $2::int", parameters="${ [1] }"), "requires 2"),
            ("other", do("raise exception 'no way there' using errcode = '08001'"), "no way there"),
            ("down", do("raise exception 'it shuts down' using errcode = '57P01'"), "it shuts down"),
            ("tmp", do("set local work_mem = '64kB'; set local temp_file_limit = '64kB'; "
                       "perform from (select g from generate_series(1, 100000) g order by random()) x"),
             "temporary file size")):
        w.expect(10, "run", "--allow-sql", w.file(name, [{"a": task}]), err=text)
        check(int(entries(w, w.last())) <= 5, "%s: %s entries", name, entries(w, w.last()))
    check(w.sql("select count(*) from made") == "0", "it was written")


def repeated(w):
    """a transaction that fails for a passing reason again and again waits longer, and says so"""
    w.sql("create table way (blocked bool); insert into way values (true)")
    path = w.file("again", [{"a": do("if (select blocked from way) then raise exception 'no' using errcode = '40001'; "
                                     "end if")}])
    run = w.expect(0, "start", path).id
    worker = w.worker(*LEASE)
    reason = "select reason from stepwell.lease where run_id = '%s' and state = 'waiting'" % run
    wait_for(lambda: "deadlocks or serialization failures" in w.sql(reason), PATIENCE, "the reason stands there")
    check("(no)" in w.sql(reason), "without the server's text: %s", w.sql(reason))
    check(int(entries(w, run)) <= 8, "%s entries", entries(w, run))
    w.sql("update way set blocked = false")
    w.wait_status(run, "completed")
    check("run %s, /do/0/a: its transaction is repeated" % run in w.end(worker, signal.SIGTERM).err, "not logged")


def uncommitted(w):
    """an outcome whose commit fails again and again is tried later and later, and that is said"""
    w.sql("create table way (blocked bool); insert into way values (true);"
          "create function refuse() returns trigger language plpgsql as $$ begin if (select blocked from public.way) "
          "and new.kind = 'completed' then raise exception 'not now' using errcode = '53100'; end if; return null; "
          "end $$; create trigger refuse after insert on stepwell.entry for each row execute function refuse()")
    path = w.file("refused", [{"a": sql("select 1")}])
    run = w.expect(0, "start", path).id
    worker = w.worker("--allow-sql", "--lease", "1s", "--heartbeat", "100ms")
    reason = "select reason from stepwell.lease where run_id = '%s' and state = 'waiting'" % run
    wait_for(lambda: "could not be committed" in w.sql(reason), PATIENCE, "the reason stands there")
    check(int(entries(w, run)) <= 30, "%s entries", entries(w, run))
    w.sql("update way set blocked = false")
    w.wait_status(run, "completed")
    check("was not committed 6 times: not now" in w.end(worker, signal.SIGTERM).err, "not logged")


def time_runs_on(w):
    """a step that is repeated for a passing reason has its timeout all the same"""
    path = w.file("late", [{"a": {**do("raise exception 'no' using errcode = '40001'"),
                                  "timeout": {"after": {"seconds": 2}}}}])
    run = w.expect(0, "start", path).id
    worker = w.worker(*LEASE)
    w.wait_status(run, "faulted")
    check('"status":408' in entries(w, run, "string_agg(data, '')"), "no timeout")
    w.end(worker, signal.SIGTERM)


def ends_its_session(w):
    """a statement that ends its session three times is held, and goes on when that is retried"""
    w.sql("create table way (blocked bool); insert into way values (true)")
    path = w.file("ends", [{"a": sql("select pg_terminate_backend(pg_backend_pid()) from way where blocked")}])
    run = w.expect(0, "start", path).id
    worker = w.worker(*LEASE)
    w.wait_status(run, "suspended")
    check(entries(w, run, where="data like '%\"backend\":true%'") == "2", "it is not recorded")
    w.expect(0, "status", run, out="ended the database session it ran in three times within an hour")
    w.sql("update way set blocked = false")
    w.expect(0, "retry", run)
    w.wait_status(run, "completed")
    lies = w.file("lies", [{"a": do("raise warning 'x' using errcode = '57P02'; perform pg_terminate_backend(pg_backend_pid())")}])
    w.wait_status(w.expect(0, "start", lies).id, "suspended")
    w.end(worker, signal.SIGTERM)


@of_its_own
def crashes_the_server(w, cluster):
    """a statement that crashes the server is held, and one that was under way meanwhile is not blamed"""
    crash = w.file("crash", [{"a": do("copy (select 1) to program 'kill -9 $PPID'; perform pg_sleep(60)")}])
    w.sql("create table gone (at timestamptz)")
    other = w.file("other", [{"a": sql("select pg_sleep(1.5) from generate_series(1, 8)", "count")}])
    worker = w.worker(*LEASE)
    innocent = w.expect(0, "start", other).id
    wait_for(lambda: w.sql("select count(*) from pg_stat_activity where query like 'select pg_sleep(1.5)%'") == "1",
             PATIENCE, "the other statement runs")
    guilty = w.expect(0, "start", crash).id
    # The server may be recovering at any moment.
    wait_for(lambda: cluster.accepts("postgres") and w.server.psql(
        w.conninfo, "select status from stepwell.runs where id = '%s'" % guilty).stdout.strip() == "suspended",
        PATIENCE, "it is held")
    check(cluster.accepted() >= 4, "the server crashed %d times\n%s", cluster.accepted() - 1, journal(w, guilty))
    wait_for(lambda: w.status(innocent) in ("completed", "suspended"), PATIENCE, "the other is over")
    check(w.status(innocent) == "completed", "the other is held:\n%s", journal(w, innocent))
    check(entries(w, innocent, where="data like '%\"backend\":true%'") == "0", "another was blamed")
    w.end(worker, signal.SIGTERM)


@of_its_own
def falls_silent_in_a_crash(w, cluster):
    """whom the server has to kill behind a crash is not blamed, by a worker that turns and by one that stood still meanwhile"""
    w.sql("create table gone ()")
    begun = []
    for name in "first", "second":
        path = w.file(name, [{"a": sql("select pg_sleep(60) as %s where not exists (select from gone)" % name, "count")}])
        worker = w.worker("--allow-sql", "--lease", "60s")
        run = w.expect(0, "start", path).id
        backend = "select pid from pg_stat_activity where query like 'select pg_sleep(60) as %s%%'" % name
        wait_for(lambda: w.sql(backend), PATIENCE, "the statement runs")
        os.kill(int(w.sql(backend)), signal.SIGSTOP)
        if not begun:
            worker.send_signal(signal.SIGSTOP)
        begun.append((worker, run))
    w.sql("insert into gone default values")
    w.sql("copy (select 1) to program 'kill -9 $PPID'; select pg_sleep(60)", error="server closed the connection")
    wait_for(lambda: cluster.accepted() == 2 and cluster.accepts("postgres"), PATIENCE, "the server is back")
    begun[0][0].send_signal(signal.SIGCONT)
    for worker, run in begun:
        w.wait_status(run, "completed")
        check(entries(w, run, where="data like '%\"backend\":true%'") == "0", "it was blamed: %s",
              entries(w, run, "string_agg(data, chr(10) order by seq)"))
        w.end(worker, signal.SIGTERM)


def peak(process):
    with open("/proc/%d/status" % process.pid) as lines:
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def large_results(w):
    """rows are counted as they come: a result over the limit ends at once, and takes no memory"""
    rows = "select repeat('x', 1000) as x from generate_series(1, %d)"
    worker = w.worker(*LEASE, env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"})
    small = w.expect(0, "start", w.file("small", [{"a": sql(rows % 900, "rows")}])).id
    w.wait_status(small, "completed")
    check(len(w.sql("select output from stepwell.runs where id = '%s'" % small)) == 900 * 1008 + 901, "rows are missing")
    before, began = peak(worker), time.monotonic()
    large = w.expect(0, "start", w.file("large", [{"a": sql(rows % 20000000, "rows")}])).id
    w.wait_status(large, "faulted")
    check("larger than the limit of 1048576 bytes" in entries(w, large, "string_agg(data, '')"), "another fault")
    check(time.monotonic() - began < 10 * stretch(), "it took %.1f s", time.monotonic() - began)
    first = w.expect(0, "start", w.file("first", [{"a": sql(rows % 100000, "row")}])).id
    w.wait_status(first, "completed")
    check(peak(worker) - before < 60, "%d MiB, after %d", peak(worker), before)
    w.end(worker, signal.SIGTERM)


def forward(server):
    """A server's socket in small pieces over TCP, as over a network: -> its port. Ends with the test."""
    def copy(a, b):
        with contextlib.suppress(OSError):
            while piece := a.recv(32768):
                b.sendall(piece)
        for end in (a, b):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept():
        while True:
            a, b = listener.accept()[0], socket.socket(socket.AF_UNIX)
            b.connect(server)
            for pair in ((a, b), (b, a)):
                threading.Thread(target=copy, args=pair, daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def one_large_piece(w):
    """a value, an error or a warning of many megabytes fails its step before it is in memory"""
    port = forward(re.search(r"host=(\S+)", w.conninfo).group(1) + "/.s.PGSQL.5432")
    far = re.sub(r"host=\S+", "host=127.0.0.1 port=%d" % port, w.conninfo)
    worker = w.spawn("worker", "--db", far, "--poll", "50ms", *LEASE,
                     env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"})
    small = w.expect(0, "start", w.file("small", [{"a": sql("select 1")}])).id
    w.wait_status(small, "completed")
    before, much = peak(worker), "repeat('x', 300000000)"
    for name, step in (("value", sql("select " + much)), ("warning", do("raise warning '%', " + much)),
                       ("error", do("raise exception '%', " + much))):
        run = w.expect(0, "start", w.file(name, [{"a": step}])).id
        w.wait_status(run, "faulted")
        check("a row or message of the database is larger than 16 MiB" in entries(w, run, "string_agg(data, '')"), "another fault")
    # What libpq reads at once is counted behind it, so how much that is depends on the machine: all of it would be 600 MiB.
    check(peak(worker) - before < 200, "%d MiB, after %d", peak(worker), before)
    w.end(worker, signal.SIGTERM)


COMMITS = """create table made (n int); create function at_commit() returns trigger language plpgsql as $f$ begin
    if new.n < 2 then set constraints all deferred; insert into made values (new.n + 1);
    else perform set_config('synchronous_commit', 'off', true); end if; return null; end $f$;
    create constraint trigger t after insert on made deferrable initially deferred
    for each row execute function at_commit()"""


def loses_its_server(w, cluster, recorder, path, start_worker):
    """Worker and server are killed while the definition's second step, /do/1/b, is under way behind a commit of the first:
    its intent is there, and it is sent again."""
    run = w.expect(0, "start", path).id
    w.sql("checkpoint")
    worker = start_worker()
    recorder.wait("/hold", 1)
    worker.kill()
    cluster.kill()
    cluster.start()
    check(entries(w, run, where="kind = 'started' and path = '/do/1/b'") == "1", "the effect had no intent: %s",
          entries(w, run, "string_agg(kind, ' ' order by seq)"))
    worker = start_worker()
    recorder.wait("/hold", 2)
    recorder.release("gate")
    w.wait_status(run, "completed")
    w.end(worker, signal.SIGTERM)


@of_its_own
def durable(w, cluster):
    """an effect behind a statement whose commit is not durable starts only when its intent is"""
    recorder = w.recorder()
    w.sql(COMMITS)
    path = w.file("durable", [{"a": sql("insert into made values (1)", "count")}, {"b": post(recorder.url + "/hold/gate/b")}])
    loses_its_server(w, cluster, recorder, path, lambda: w.worker(*LEASE))
    check(w.sql("select count(*) from made") == "2", "the step's own effect is gone")


def beside(w):
    """effects beside a branch of many transactions get their turn"""
    recorder = w.recorder()
    w.sql(COMMITS)
    writes = {"for": {"in": "${ [range(60)] }"}, "do": [{"w": sql("insert into made values (2)", "count")}]}
    path = w.file("beside", [{"both": {"fork": {"branches": [
        {"writes": writes}, {"calls": {"do": [{"c%d" % n: post(recorder.url + "/dedupe/c")} for n in range(3)]}}]}}}])
    w.expect(0, "run", "--allow-sql", path)
    run = w.last()
    last = int(entries(w, run, "max(seq)", "path like '%/w' and kind = 'completed'"))
    for n in range(3):
        seq = int(entries(w, run, "min(seq)", "data like '%%\"started\",\"path\":\"%%/c%d\"%%'" % n))
        check(seq < last, "c%d began at %d, after the last of the others, %d", n, seq, last)


# Deferred work that defers itself once more when the constraints are to speak.
LATE = """create table twice (n int, constraint twice_n unique (n) deferrable initially deferred);
    create table late (what text); create function late() returns trigger language plpgsql as $f$ begin
    if new.what in ('twice', 'good') then set constraints all deferred;
        insert into twice select case when new.what = 'good' then g else 7 end from generate_series(1, 2) g;
    elsif left(new.what, 1) <> '!' then set constraints all deferred; insert into late values ('!' || new.what);
    else raise exception 'late: %', new.what using errcode = substr(new.what, 2); end if; return null; end $f$;
    create constraint trigger t after insert on late deferrable initially deferred
    for each row execute function late()"""


def refused_at_commit(w):
    """what the statement's own deferred work raises at the COMMIT is the step's fault, at once"""
    w.sql(LATE)
    states = {"twice": "23505", "P0001": "P0001", "42P01": "42P01", "42501": "42501", "22012": "22012",
              "57014": "57014"}
    for what, state in states.items():
        path = w.file("late-" + what.lower(), [{"a": sql("insert into late values ('%s')" % what, "count")}])
        w.expect(10, "run", "--allow-sql", path, err="SQL error %s" % state)
        check(int(entries(w, w.last())) <= 8, "%s: %s entries", what, entries(w, w.last()))
        check(w.sql("select (select count(*) from late) + (select count(*) from twice)") == "0", "%s: written", what)
    again = {"catch": {"retry": {"limit": {"attempt": {"count": 1}}}}}
    w.expect(10, "run", "--allow-sql", w.file("again", [{"t": {"try": [{"a": sql("insert into late values ('twice')", "count")}], **again}}]))
    check(w.sql("select max(attempts) from stepwell.steps where run_id = '%s' and name = 'a'" % w.last()) == "2", "attempts")
    w.expect(0, "run", "--allow-sql", w.file("good", [{"a": sql("insert into late values ('good')", "count")}]))
    check(w.sql("select count(*) from twice") == "2", "what is not refused is not written")


def no_fence(w):
    """a uniqueness rule that is not the journal's own does not take a run away from its owner"""
    w.sql("create table seen (kind text unique); insert into seen values ('completed'); create function see() "
          "returns trigger language plpgsql as $$ begin insert into public.seen values (new.kind); return null; end $$; "
          "create trigger see after insert on stepwell.entry for each row when (new.kind = 'completed') "
          "execute function see()")
    runs = [w.expect(0, "start", w.file(name, [{"a": task}, {"b": {"wait": {"milliseconds": 1}}}])).id
            for name, task in (("lane", post(w.recorder().url + "/dedupe/x")), ("carried", sql("select 1")))]
    worker = w.worker(*LEASE)
    for run in runs:
        w.wait_status(run, "suspended")
        check(int(entries(w, run)) <= 5, "%s entries", entries(w, run))
    check("belongs to another worker" not in w.end(worker, signal.SIGTERM).err, "it was given up")


def an_ability(w):
    """a run waits for a worker that may use the journal's database, one that was registered before likewise"""
    tasks = {"plain": [{"q": sql("select 1")}], "other": [{"q": sql("select 1", database="own")}],
             "inner": [{"f": {"for": {"in": "${ [1] }"}, "do": [{"q": sql("select 1")}]}}], "none": [{"a": {"set": {"call": "sql"}}}]}
    runs = {name: w.expect(0, "start", w.file(name, task)).id for name, task in tasks.items()}
    needs = "select string_agg(d.name || l.needs::text, ' ' order by d.name) from stepwell.definition d join stepwell.%s l on l.%s = d.id"
    wanted = "inner{sql} none{} other{database:own} plain{sql}"
    check(w.sql(needs % ("lease", "definition_id")) == wanted, "%s", w.sql(needs % ("lease", "definition_id")))
    w.sql("update stepwell.definition set needs = array_remove(needs, 'sql'); update stepwell.lease set needs = "
          "array_remove(needs, 'sql'); drop table stepwell.pool_secret; drop index stepwell.run_child; "
          "delete from stepwell.migration where number >= 23")
    w.expect(0, "migrate")
    for table, column in (("lease", "definition_id"), ("definition", "id")):
        check(w.sql(needs % (table, column)) == wanted, "%s: %s", table, w.sql(needs % (table, column)))
    w.work("--database", "own=" + w.conninfo)
    check([w.status(runs[name]) for name in tasks] == ["pending", "completed", "pending", "completed"], "%s", [
        w.status(runs[name]) for name in tasks])
    w.expect(0, "status", runs["plain"], out="--allow-sql")
    w.work("--allow-sql")
    check(w.status(runs["plain"]) == w.status(runs["inner"]) == "completed", "it was not executed")
    w.expect(10, "run", w.file("plain", tasks["plain"]), err="off in this worker: start it with --allow-sql, or --sql-login cli=CONNINFO")


if __name__ == "__main__":
    main([an_ability, left_behind, text_survives, texts_are_pinned, own_faults, repeated, uncommitted, time_runs_on,
          ends_its_session, crashes_the_server, falls_silent_in_a_crash, large_results, one_large_piece, durable, beside,
          refused_at_commit, no_fence])
