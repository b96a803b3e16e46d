"""What the planner knows about the tables, and what those pay for it who look at runs."""
import json

from catalogue import case
from harness import ROOT, check
from judges import healthy, journal_is_whole

REMOVED = ("Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")


def query(name):
    return (ROOT / "sql" / "queries" / (name + ".sql")).read_text()


def visited(plan):
    """Rows that the nodes of a plan gave or looked at in vain."""
    own = plan["Actual Rows"] + sum(plan.get(word, 0) for word in REMOVED)
    return own * plan["Actual Loops"] + sum(visited(p) for p in plan.get("Plans", []))


def explain(db, statements, setting):
    """-> (rows visited, pages) of each of (text, values), planned for these values; setting: of those of wfctl."""
    script, found, decoder = "", [], json.JSONDecoder()
    for text, values, own in statements:
        script += "reset all; set plan_cache_mode = force_custom_plan;\n%s\nprepare q as %s;\nexplain (analyze, buffers, timing off, format json) execute q(%s);\n" \
                  "deallocate q;\n" % (setting if own else "", text.rstrip().rstrip(";"), ", ".join(values))
    rest = db.psql(script)
    while rest:
        (plan,), end = decoder.raw_decode(rest)
        found.append((visited(plan["Plan"]), plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]))
        rest = rest[end:].lstrip()
    check(len(found) == len(statements), "%d plans, not %d", len(found), len(statements))
    return found


def partitions(db):
    return [r["name"] for r in db.rows("select inhrelid::regclass::text as name from pg_inherits where inhparent in "
                                       "('stepwell.run'::regclass, 'stepwell.entry'::regclass)")]


def analyze(db, tables):
    db.psql("; ".join("analyze " + t for t in tables))


ALL = ["stepwell." + t for t in ("definition", "lease", "worker", "start_key", "event", "subscription", "delivery")]


def looks(run, wide, operations):
    """Everything that one asks about one run, and what it may cost: rows visited and pages, for each of the run's
    operations and beside them. (A list without more looks in two places: among children, and among the others.)"""
    one, uuid = ["'%s'" % run], "'%s'::uuid" % run
    none = ["null"] * 6
    for name, text, values, rows in (
            ("list_steps", query("list_steps"), one, 60 * operations + 500),
            ("the view steps", "select * from stepwell.steps where run_id = $1::uuid", one, 60 * operations + 500),
            ("the view journal", "select * from stepwell.journal where run_id = $1::uuid", one, 4 * operations + 100),
            ("list_entries", query("list_entries"), one + ["0"], 4 * operations + 100),
            ("find_run", query("find_run"), one, 200), ("the view runs", "select * from stepwell.runs where id = $1::uuid",
                                                       one, 200),
            ("list_descendants", query("list_descendants"), one + ["101"], 40 * wide + 600),
            ("list_runs", query("list_runs"), none + ["50", "null", "null"], 3000),
            ("list_runs of a key", query("list_runs"), none + ["50", "null", "'unheard of'"], 1500),
            ("list_runs of a parent", query("list_runs"), none + ["50", uuid, "null"], 40 * wide + 1500)):
        yield name, text, values, rows


@case(69)
def statistics(world):
    """The standard workload, and all that shows runs, with statistics as autovacuum makes them: none, of nearly empty
    tables, of full ones, of those with the partitioned parents, of what has been dropped since. What a look visits is
    in proportion to its run."""
    mix = world.mix()
    db = mix.db
    for table in partitions(db):
        db.psql("alter table %s set (autovacuum_enabled = off)" % table)
    db.apply("turns", [{"each": {"for": {"in": "${ [range(.n)] }"}, "do": [{"x": {"set": {"n": "${ $item }"}}}]}}])
    db.apply("entries", [{"each": {"for": {"in": "${ [range(.n)] }"}, "do": [{"x": {"set": {"n": "${ $item }"},
                                                                                    "metadata": {"checkpoint": True}}}]}}])
    db.apply("cut", [{"t": {"try": [{"f": {"fork": {"branches": [
        {"b%d" % i: {"do": [{"w": {"wait": {"hours": 1}}}]}} for i in range(40)] + [
            {"bad": {"raise": {"error": {"type": "https://example.com/x", "status": 500}}}}]}}}],
        "catch": {"do": [{"c": {"set": {"x": 1}}}]}}}])
    db.apply("blade", [{"a": {"set": {"x": 1}}}])
    db.apply("stem", [{"kids": {"for": {"in": "${ [range(10)] }"}, "do": [{"k": {"run": {"workflow": {
        "namespace": "crash", "name": "blade", "version": "1.0.0"}}}}]}}])

    client = "do $$ begin perform * from (%s) s; end $$;" % query("set_client")

    def moment(name):
        world.plan(name)
        world.inject()
        large = db.start_with("turns", [{"n": world.size(300, 3000, 10000)}])[0]
        many = db.start_with("entries", [{"n": world.size(300, 3000, 10000)}])[0]
        cut, top = db.start("cut", 1)[0], db.start("stem", 1)[0]
        db.cli("worker", "--until-idle", "--poll", "50ms", timeout=300, expect=0)
        for run in (large, many, cut, top):
            operations = db.count("stepwell.operation where run_id = '%s'" % run)
            all_looks = list(looks(run, 10 if run == top else 0, operations))
            plans = explain(db, [(text, values, "view" not in look) for look, text, values, _ in all_looks], client)
            for (look, _, _, most), (rows, pages) in zip(all_looks, plans):
                check(rows <= most, "%s: %s of a run of %d operations visits %d rows, not at most %d", name, look, operations,
                      rows, most)
                check(pages <= most + 1000, "%s: %s of a run of %d operations reads %d pages", name, look, operations, pages)
                world.checked(1)
        world.land()

    moment("no statistics")
    analyze(db, partitions(db) + ALL)
    moment("statistics of nearly empty tables")
    with world.mixed_pool(mix, 1) as pool:
        mix.start(world.size(22, 300, 2000))
        mix.finish(world.size(90, 300, 600))
    healthy(pool.all())
    db.psql("select count(*) from stepwell.start_batch('crash/blade', array_fill('null'::json, array[%d]))"
            % world.size(300, 5000, 20000))
    moment("statistics of what was small")
    analyze(db, partitions(db) + ALL)
    moment("statistics of full tables")
    analyze(db, ["stepwell.run", "stepwell.entry"])
    moment("statistics of the partitioned parents, too")
    db.psql("select * from stepwell.gc('0 seconds')")
    moment("after gc")
    journal_is_whole(db)
