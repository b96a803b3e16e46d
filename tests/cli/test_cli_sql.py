#!/usr/bin/env python3
"""The interface by SQL: starts, events, views, roles; and gc.

    test_cli_sql.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import json
import re
import subprocess

from cli_world import main, post
from harness import ROOT, check


def sql_start(w):
    """stepwell.start works inside a transaction and from a trigger, and refuses as documented"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"got": "${ .n }"}}}]))
    w.sql("begin; select stepwell.start('cli/s', '{\"n\": 1}'); rollback;")
    check(w.sql("select (select count(*) from stepwell.runs) + (select count(*) from stepwell.lease)")
          == "0", "a rolled back start left something")
    first = w.sql("select stepwell.start('cli/s', '{\"n\":1}', 'K')")
    check(w.sql("select stepwell.start('cli/s:1.0.0', '{ \"n\": 1.0 }', 'K')") == first, "two runs")
    w.sql("select stepwell.start('cli/s', '{\"n\":2}', 'K')", error="23505")
    w.sql("select stepwell.start('cli/unknown')", error="P0002")
    w.sql("select stepwell.start('cli/s:7.0.0')", error="P0002")
    w.sql("select stepwell.start('nonsense')", error="22023")
    w.sql("select stepwell.start('cli/s', key => '')", error="22023")
    w.sql("create table orders (id int, amount numeric); "
          "create function on_order() returns trigger language plpgsql as $$ begin perform "
          "stepwell.start('cli/s', json_build_object('n', new.amount), 'order-' || new.id); "
          "return new; end $$; create trigger t after insert on orders for each row "
          "execute function on_order(); insert into orders values (1, 0.10), (2, 2)")
    w.work()
    got = w.sql("select key, status, output ->> 'got' from stepwell.runs order by key")
    check(got.splitlines() == ["K|completed|1", "order-1|completed|0.10", "order-2|completed|2"],
          "%s", got)


def sql_start_batch(w):
    """stepwell.start_batch gives the ids in the order of the inputs, and a key its first run"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"got": "${ .n }"}}}]))
    one = w.sql("select stepwell.start('cli/s', '{\"n\": 2}', 'k2')")

    def batch(inputs, keys="null", error=None):
        return w.sql("select stepwell.start_batch('cli/s', array[%s]::json[], %s)"
                     % (", ".join("'%s'" % i if i else "null" for i in inputs), keys), error=error)

    inputs = ['{"n": 1}', '{"n": 2.0}', '{"n": 3}', '{"n": 1}', None]
    ids = batch(inputs, "array['k1', 'k2', null, 'k1', null]").splitlines()
    check(len(ids) == 5 and ids[1] == one and ids[0] == ids[3] and len(set(ids)) == 4, "%s", ids)
    again = batch(inputs, "array['k1', 'k2', 'k3', 'k1', 'k5']").splitlines()
    key3 = again[2]
    check(again[0] == ids[0], "another run")
    batch(['{"n": 1}', '{"n": 5}'], "array['new', 'k2']", error="23505")
    batch(['{"n": 1}', '{"n": 5}'], "array['new', 'new']", error="23505")
    batch(['{"n": 1}'], "array['a', 'b']", error="22023")
    batch(['{"n": 1}'], "array['']", error="22023")
    for inputs_bounds, keys_bounds in (("", "[0:1]="), ("[5:6]=", ""), ("[-3:-2]=", "[7:8]=")):
        got = w.sql("select stepwell.start_batch('cli/s', '%s{\"{\\\\\"n\\\\\":1}\",\"{\\\\\"n\\\\\":3}\"}'::json[], "
                    "'%s{k1,k3}')".replace("\\\\", "\\") % (inputs_bounds, keys_bounds)).splitlines()
        check(got == [ids[0], key3], "%s %s: %s", inputs_bounds, keys_bounds, got)
    for wrong in ("array[['1', '2'], ['3', '4']]::json[], null", "array['1', '2']::json[], array[['a'], ['b']]",
                  "array['1', '2']::json[], array[['a', 'b']]"):
        w.sql("select stepwell.start_batch('cli/s', %s)" % wrong, error="have 2 dimensions, not one")
    w.sql("select stepwell.start_batch('cli/none', array['1']::json[])", error="P0002")
    check(w.sql("select count(*) from stepwell.start_batch('cli/s', '{}')") == "0", "runs of nothing")
    w.work()
    got = w.sql("select coalesce(key, '-'), status, input ->> 'n' from stepwell.runs order by 1, 3")
    check(got.splitlines() == ["-|completed|3", "-|completed|", "k1|completed|1", "k2|completed|2",
                               "k3|completed|3", "k5|completed|"], "%s", got)


def sql_start_reads(w):
    """a start reads the same however many there were, in the session that began with none"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    count = 400
    read = w.sql(
        "begin; do $$ begin for i in 1..%d loop perform stepwell.start('cli/s', '{}', 'one' || i); "
        "perform stepwell.create_runs(stepwell.find_definition_id('cli/s'), array['{}'], array['two' || i], "
        "array[stepwell.new_id()], null, null, null); end loop; end $$; "
        "select sum(idx_tup_fetch + seq_tup_read) from pg_stat_xact_user_tables "
        "where schemaname = 'stepwell' and relname ~ '^(start_key|run|lease)'; commit" % count)
    check(int(read) <= 2 * count, "%s rows were read by %d starts", read, 2 * count)


def sql_start_key_expired(w):
    """a key of which the time is over is another run's; the others beside it stay taken"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))

    def start(*inputs_keys, ttl, error=None):
        return w.sql("select unnest(ids_out) from stepwell.create_runs(stepwell.find_definition_id('cli/s'), "
                     "array[%s], array[%s], array_fill(null::uuid, array[%d]), null, null, %s)" % (
                         ", ".join("'%d'" % i for i, _ in inputs_keys),
                         ", ".join("'%s'" % k for _, k in inputs_keys), len(inputs_keys), ttl), error=error).split()

    [first], [kept] = start((1, "over"), ttl="interval '0'"), start((1, "kept"), ttl="interval '1 day'")
    again = start((2, "over"), (1, "kept"), (3, "new"), ttl="null")
    check(first not in again and again[1] == kept and len(set(again)) == 3, "%s after %s, %s", again, first, kept)
    start((1, "over"), ttl="null", error="23505")


def gc(w):
    """old weeks are dropped with their keys; what has not ended, and its children, is kept and goes on"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    go = {"n": {"listen": {"to": {"one": {"with": {"type": "go"}}}}}}
    w.expect(0, "apply", w.file("nap", [go, {"b": {"set": {"x": 2}}}]))
    w.expect(0, "apply", w.file("up", [
        {"kid": {"run": {"workflow": {"namespace": "cli", "name": "s", "version": "1.0.0"}}}}, go]))
    w.expect(0, "apply", w.file("bad", [{"r": {"raise": {"error": {
        "type": "https://example.com/bad", "status": 500}}}}]))

    def old(days, name, key):
        """Started `days` ago; the partitions of that week as they were made then."""
        w.sql("do $$ declare week timestamptz := date_trunc('week', now() - interval '%d days', 'UTC'); "
              "suffix text := to_char(week at time zone 'UTC', 'IYYY\"w\"IW'); parent text; begin "
              "foreach parent in array array['run', 'entry'] loop continue when to_regclass("
              "format('stepwell.%%I', parent || '_' || suffix)) is not null; execute format('create table "
              "stepwell.%%I partition of stepwell.%%I for values from (%%L) to (%%L)', parent || '_' || "
              "suffix, parent, stepwell.first_id(week), stepwell.first_id(week + interval '7 days')); "
              "end loop; end $$" % days)
        return w.sql("select ids_out[1] from stepwell.create_runs(stepwell.find_definition_id('cli/%s'), "
                     "array['{}'], array['%s'], array[overlay(stepwell.new_id()::text placing left("
                     "stepwell.first_id(now() - interval '%d days')::text, 13) from 1 for 13)::uuid], "
                     "null, null, null)" % (name, key, days))

    done, nap, up, bad = (old(60, name, name) for name in ("s", "nap", "up", "bad"))
    recent = old(20, "s", "recent")
    child = w.sql("select count(*) from stepwell.runs")
    w.expect(0, "worker", "--until-idle")
    check(w.sql("select count(*) from stepwell.runs") == str(int(child) + 1), "the child was not started")
    plan = w.expect(0, "gc", "--older-than", "30d", "--dry-run", "-o", "json").json
    check(plan == {"dryRun": True, "weeks": 1, "runs": 2, "kept": 3}, "%s", plan)
    w.expect(0, "gc", "--older-than", "30d",
             out="dropped 1 week with 2 runs; 3 of them are needed and kept\n")
    check(set(w.sql("select id from stepwell.runs where name <> 's' union all select id from "
                    "stepwell.runs where key = 'recent'").split()) == {nap, up, recent}, "the wrong runs")
    check(w.sql("select count(*) from stepwell.runs") == "4", "the child of a kept run is not there")
    check(w.sql("select string_agg(key, ',' order by key) from stepwell.start_key") == "nap,recent,up",
          "the keys do not fit")
    for gone in (done, bad):
        w.expect(3, "status", gone)
    check(w.expect(0, "start", "cli/s", "--key", "s", "--input", "{}").id != done, "a dropped key")
    w.expect(0, "gc", "--older-than", "30d", out="nothing is old enough\n")
    w.sql("select stepwell.emit('{\"id\": \"1\", \"source\": \"/x\", \"type\": \"go\"}')")
    w.work()
    got = w.sql("select name, status from stepwell.runs where id in ('%s', '%s') order by 1" % (nap, up))
    check(got.splitlines() == ["nap|completed", "up|completed"], "%s", got)
    w.expect(0, "gc", "--older-than", "10d")
    check(w.sql("select count(*) from stepwell.runs where id in ('%s', '%s', '%s')" % (nap, up, recent))
          == "0", "kept runs that have ended stay")
    w.expect(2, "gc", err="--older-than 30d")
    w.expect(2, "gc", "--older-than", "soon")


def gc_waits_for_nobody(w):
    """a transaction that holds the tables is not waited for without end, and nothing is half done"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    w.sql("create table stepwell.run_2020w01 partition of stepwell.run for values from "
          "('016f5e66-e800-0000-0000-000000000000') to ('016f8273-4400-0000-0000-000000000000')")
    w.sql("create table stepwell.entry_2020w01 partition of stepwell.entry for values from "
          "('016f5e66-e800-0000-0000-000000000000') to ('016f8273-4400-0000-0000-000000000000')")
    holder = subprocess.Popen([w.server.bin + "/psql", "-qXAt", "-d", w.conninfo], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdin.write("begin; lock table stepwell.run in access share mode;\n\\echo held\n")
        holder.stdin.flush()
        check(holder.stdout.readline() == "held\n", "void")
        w.expect(7, "gc", "--older-than", "1d", err="in use")
        check(w.sql("select to_regclass('stepwell.run_2020w01') is not null") == "t", "half done")
    finally:
        holder.kill()
        holder.wait()
    w.expect(0, "gc", "--older-than", "1d")
    check(w.sql("select to_regclass('stepwell.run_2020w01') is null") == "t", "not dropped")


def sql_roles(w):
    """a role with the grants of docs/operations.md can start and look, and nothing else"""
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    role = w.server.mark + "app"
    w.sql("create role %s; grant usage on schema stepwell to %s; "
          "grant execute on function stepwell.start, stepwell.start_batch, stepwell.emit to %s; "
          "grant select on stepwell.runs, stepwell.steps, stepwell.journal to %s"
          % (role, role, role, role))
    try:
        w.sql("set role %s; select stepwell.start('cli/s', null, 'K')" % role)
        w.work()
        got = w.sql("set role %s; select status from stepwell.runs; select name, status from "
                    "stepwell.steps; select kind from stepwell.journal limit 1" % role)
        check(got.splitlines() == ["completed", "a|completed", "created"], "%s", got)
        event = json.dumps({"id": "1", "source": "/s", "type": "t"})
        got = w.sql("set role %s; select stepwell.emit('%s')" % (role, event))
        check(got == "t", "%s", got)
        w.sql("set role %s; delete from stepwell.run" % role, error="42501")
        w.sql("set role %s; select from stepwell.lease" % role, error="42501")
    finally:
        w.sql("drop owned by %s; drop role %s" % (role, role))


def looks(w):
    """a login with the grants of docs/operations.md may look with wfctl, and change nothing"""
    text = (ROOT / "docs" / "operations.md").read_text()
    grants = re.search(r"```sql\n(create role watcher.*?)```", text, re.S).group(1)
    role = w.server.mark + "watcher"
    w.sql(grants.replace("watcher", role))
    try:
        run = w.expect(0, "start", w.file("s", [{"a": {"raise": {"error": {"type": "https://example.com/e", "status": 500}}}}]),
                       "--key", "K").id
        waiting = w.expect(0, "start", w.file("w", [{"a": {"wait": {"hours": 1}}}])).id
        w.work()
        me = {"DATABASE_URL": w.conninfo.replace("user=postgres", "user=" + role)}
        for words in (["list"], ["list", "--key", "K"], ["list", "--since", "1h", "-s", "faulted"], ["status"],
                      ["status", run], ["status", run[-8:], "--steps"], ["status", waiting], ["history", run], ["graph", run],
                      ["graph", "cli/s"], ["workflows"], ["retry", "-n", run]):
            check(w.expect(0, *words, env=me, err="").out, "%s: nothing", words)
        report = w.expect(1, "doctor", "-o", "json", env=me).json
        found = {c["name"]: c["status"] for c in report["checks"]}
        check((found["rights"], found["schema"], found["events"]) == ("problem", "ok", "skipped"), "%s", found)
        for words in (["cancel", waiting], ["suspend", waiting], ["retry", run], ["start", "cli/s"],
                      ["apply", w.file("s", [{"b": {"set": {"x": 1}}}], version="2.0.0")],
                      ["emit", "--type", "t"], ["gc", "--older-than", "1d"]):
            w.fails(4, "permission denied", *words, env=me)
    finally:
        w.sql("drop owned by %s; drop role %s" % (role, role))


def starts(w):
    """a login with the grants of docs/operations.md may start and emit with wfctl, and with the watcher's, wait"""
    text = (ROOT / "docs" / "operations.md").read_text()
    starter, watcher = (re.search(r"```sql\n(create role %s.*?)```" % role, text, re.S).group(1)
                        for role in ("starter", "watcher"))
    role = w.server.mark + "starter"
    w.expect(0, "apply", w.file("s", [{"a": {"set": {"x": 1}}}]))
    w.sql(starter.replace("starter", role))
    try:
        me = {"DATABASE_URL": w.conninfo.replace("user=postgres", "user=" + role)}
        first = w.expect(0, "start", "cli/s", "--key", "K", env=me, err="").id
        again = w.expect(0, "start", "cli/s:1.0.0", "--key", "K", env=me).id
        check(first == again, "another run")
        w.expect(0, "start", "cli/s", "--key", "L", "--key-ttl", "1h", env=me)
        w.expect(0, "emit", "--type", "t", "--data", "{}", env=me, out="1 stored")
        for words in (["list"], ["status", first], ["cancel", first], ["gc", "--older-than", "1d"],
                      ["apply", w.file("s", [{"b": {"set": {"x": 1}}}], version="2.0.0")]):
            w.fails(4, "permission denied", *words, env=me)
        # None of them could be left out.
        rights = [("usage", "schema stepwell"), ("execute", "function stepwell.emit"), ("select", "stepwell.migration"),
                  ("select", "stepwell.definition"), ("select", "stepwell.run"), ("insert", "stepwell.run"),
                  ("select", "stepwell.start_key"), ("insert", "stepwell.start_key"), ("delete", "stepwell.start_key"),
                  ("insert", "stepwell.lease"), ("insert", "stepwell.entry")]
        for right, what in rights:
            w.sql("revoke %s on %s from %s" % (right, what, role))
            tries = [w.run(*words, env=me) for words in (
                ["start", "cli/s", "--key", "%s %s" % (right, what)], ["start", "cli/s", "--key", "L"],
                ["emit", "--type", "t", "--data", "{}"])]
            check(any(t.code == 4 for t in tries), "nobody needs %s on %s", right, what)
            w.sql("grant %s on %s to %s" % (right, what, role))
        w.sql(re.sub("create role.*;\n", "", watcher).replace("watcher", role))
        w.worker()
        w.expect(0, "start", "cli/s", "--wait", env=me, out='{"x": 1}')
    finally:
        w.sql("drop owned by %s; drop role %s" % (role, role))


def operates(w):
    """logins with the grants of docs/operations.md may give orders, and work, with wfctl; an operator needs each of them"""
    text = (ROOT / "docs" / "operations.md").read_text()
    grants = {role: re.search(r"```sql\n(create role %s.*?)```" % role, text, re.S).group(1)
              for role in ("watcher", "operator", "worker")}
    role, worker = w.server.mark + "operator", w.server.mark + "worker"
    path = w.file("f", [{"a": {"raise": {"error": {"type": "https://example.com/e", "status": 500}}}}])
    w.expect(0, "apply", path)
    held = w.file("h", [{"a": post(w.recorder().url + "/drop_after_apply/x", metadata={"onUncertain": "hold"})}])
    w.sql(grants["operator"].replace("operator", role))
    w.sql(re.sub("create role.*;\n", "", grants["watcher"]).replace("watcher", role))
    w.sql(grants["worker"].replace("to worker", "to " + worker).replace("create role worker", "create role " + worker))
    try:
        me, it = ({"DATABASE_URL": w.conninfo.replace("user=postgres", "user=" + r)} for r in (role, worker))
        report = w.run("doctor", "-o", "json", env=it).json  # the server of the tests is no safe one
        check([c["status"] for c in report["checks"] if c["name"] == "rights"] == ["ok"], "%s", report)
        w.sql("create table stepwell.later ()")
        check(w.sql("select has_table_privilege('%s', 'stepwell.later', 'insert')" % worker) == "t", "no default privileges")
        w.sql("drop table stepwell.later")

        def orders():
            faulted, waits = (w.expect(0, "start", f).id for f in (path, held))
            w.expect(0, "worker", "--until-idle", env=it, out="")
            yield from (["retry", faulted], ["suspend", faulted], ["resume", faulted], ["cancel", faulted])
            yield ["resume", waits, "--answer", "{}"]
        for words in orders():
            w.expect(0, *words, env=me, err="")
        for right, what in [("update", "stepwell.run"), ("update", "stepwell.lease"), ("insert", "stepwell.lease"),
                            ("insert", "stepwell.entry"), ("update", "stepwell.compiling"), ("select", "stepwell.compiling")]:
            w.sql("revoke %s on %s from %s" % (right, what, role))
            check(any(w.run(*words, env=me).code == 4 for words in orders()), "nobody needs %s on %s", right, what)
            w.sql("grant %s on %s to %s" % (right, what, role))
    finally:
        w.sql("drop owned by %s, %s; drop role %s, %s" % (role, worker, role, worker))


def sql_views(w):
    """the views have the columns and types of the design"""
    def columns(view):
        return w.sql("select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' "
                     "order by attnum) from pg_attribute where attrelid = 'stepwell.%s'::regclass "
                     "and attnum > 0" % view)
    stamp = "timestamp with time zone"
    check(columns("runs") == "id uuid, namespace text, name text, version text, status text, key text, "
          "input json, output json, error json, created_at {0}, started_at {0}, ended_at {0}, "
          "parent_run_id uuid, reason text".format(stamp), "%s", columns("runs"))
    check(columns("steps") == "run_id uuid, path text, reference text, name text, step_id uuid, "
          "status text, attempts integer, started_at {0}, ended_at {0}, output json, "
          "error json, reason text, ended_by text, place bigint, uncertain boolean, "
          "goes_on boolean".format(stamp), "%s", columns("steps"))
    check(columns("journal") == "run_id uuid, seq bigint, at {0}, kind text, path text, "
          "attempt integer, data json".format(stamp), "%s", columns("journal"))
    result = w.expect(0, "run", w.file("v", [{"a": {"set": {"x": 1}}}]), "-o", "json").json
    row = json.loads(w.sql("select row_to_json(s) from stepwell.steps s"))
    check((row["step_id"], row["path"], row["output"]) == (
        result["steps"][0]["stepId"], "/do/0/a", {"x": 1}), "%s", row)
    kinds = set(w.sql("select distinct kind from stepwell.journal").split())
    check(kinds <= set("created claimed started completed faulted uncertain lost waiting suspended "
                       "resumed retried cancelled frames".split()), "%s", kinds)


def emit(w):
    """emit and stepwell.emit store events once, all of a file or none, and refuse what is none"""
    event = {"id": "1", "source": "/s", "type": "t", "data": {"n": 1}}
    one = w.text("one.json", json.dumps(event))
    check(w.expect(0, "emit", one, "-o", "json", err="").json == {"stored": 1, "duplicates": 0}, "one")
    check(w.expect(0, "emit", one, "-o", "json", err="").json == {"stored": 0, "duplicates": 1}, "two")
    lines = w.text("l.jsonl", "".join(json.dumps(dict(event, id=str(i))) + "\n" for i in (1, 2, 3)))
    check(w.expect(0, "emit", lines, err="").out == "2 stored, 1 duplicate\n", "lines")
    yaml = w.text("a.yaml", "- {id: y1, source: /s, type: t}\n- {id: y2, source: /s, type: t}\n")
    check(w.expect(0, "emit", yaml, err="").out == "2 stored, 0 duplicates\n", "YAML")
    bad = w.text("bad.json", json.dumps([dict(event, id="b1"), {"id": "b2", "source": "/s"}]))
    w.expect(6, "emit", bad, out="", err="event 2")
    w.expect(6, "emit", w.text("no.json", "{"), out="")
    w.expect(3, "emit", "there-is-no-such-file.json", out="")
    check(w.sql("select count(*) from stepwell.event") == "5", "a refused file left something")
    for wrong in ('null', '[]', '{"id":"1","source":"/s"}', '{"id":"","source":"/s","type":"t"}',
                  '{"id":"1","source":"/s","type":"t","specversion":"0.3"}',
                  '{"id":"1","source":"/s","type":"t","Upper":1}',
                  '{"id":"1","id":"2","source":"/s","type":"t"}'):
        w.sql("select stepwell.emit('%s')" % wrong, error="22023")
    w.sql("begin; select stepwell.emit('{\"id\":\"r\",\"source\":\"/s\",\"type\":\"t\"}'); rollback;")
    path = w.file("l", [{"l": {"listen": {"to": {"one": {"with": {"type": "t", "id": "3"}}}}}}])
    check(w.expect(0, "run", path, "-o", "json").json["output"] == [{"n": 1}], "it is kept")


if __name__ == "__main__":
    main([sql_start, sql_start_batch, sql_start_reads, sql_start_key_expired, gc, gc_waits_for_nobody,
          sql_roles, looks, starts, operates, sql_views, emit])
