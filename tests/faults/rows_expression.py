"""Expressions that run away are stopped within documented bounds, and the rest of the pool goes on (row 54)."""
import json
import pathlib
import time

from catalogue import case
from harness import check, http_steps
from judges import all_completed, effects_once, journal_is_whole

RUNAWAYS = [
    "last(range(1e9))", "[range(1e9)]", "def f: f; f", "def f: 1 + f; f", "def f(g): [g | f(g)]; f(.)", "[repeat(1)]", "until(false; .)",
    "last(while(true; .))", "reduce range(1e9) as $i (\"x\"; . + .)", "reduce range(1e9) as $i ([1]; . + .)", "reduce range(1e9) as $i ([]; [.])",
    "reduce range(1e9) as $i ({}; .[$i | tostring] = $i)", "[recurse([., .])]", "[limit(1e9; repeat(\"x\"))] | add",
    "last(foreach range(1e9) as $i (0; . + $i))", "[range(1e9)] | sort", "first(range(1e9) | select(. < 0))", "try last(range(1e9)) catch 1",
    "[range(1e5)] | map(. as $x | [range(1e5)] | map(. + $x)) | length", "label $out | range(1e9) | if . < 0 then break $out else empty end",
    "[paths(last(range(1e9)))]", ".x |= last(range(1e9))", "any(range(1e9); false)", "isempty(range(1e9) | empty)",
    "[range(1e9) | tostring] | join(\"\")", "def f(n): if n == 0 then 0 else f(n - 1) + f(n - 1) end; f(60)"]
# Onig gives up by itself.
BACKTRACKING = ["([range(40)] | map(\"a\") | add) + \"!\" | test(\"^(a+)+$\")", "([range(3000)] | map(\"a\") | add) | test(\"(a*)*(a*)*b\")",
                "([range(60)] | map(\"ab\") | add) | test(\"^(a|b|ab)*c\")", "([range(30)] | map(\"x\") | add) | test(\"(x+x+)+y\")"]
MEMORY = 128  # MiB, as documented
SECONDS = 1.0


def applied(db, name, expression):
    db.apply(name, [{"calm": {"set": {"x": 1}}}, {"run": {"set": {"v": "${ %s }" % expression}}}])
    return name


@case(54)
def runaways(world):
    """One after the other: a fault of the run that did it, about a second after it began."""
    db, took, grown = world.db, [], []
    chosen = world.random.sample(RUNAWAYS, world.size(2, len(RUNAWAYS), len(RUNAWAYS)))
    names = [applied(db, "runaway%d" % n, text) for n, text in enumerate(chosen)]
    again = world.size(1, 1, 10)
    worker = world.worker("--poll", "100ms")
    for name, text in zip(names * again, chosen * again):
        world.plan("%s", text)
        before, began = worker.forget_peak(), time.monotonic()
        run = db.start(name, 1)[0]
        db.wait_idle(60)
        took.append((time.monotonic() - began, text))
        row = db.rows("select status, error ->> 'type' as type from stepwell.runs where id = '%s'" % run)[0]
        world.inject()
        world.land(row["status"] == "faulted")
        check(row["status"] == "faulted" and row["type"].endswith("/expression"), "I5: %s: %s", text, row)
        grown.append(worker.peak_mib() - before)
        # One operation is not interrupted: what is nearly too large may be doubled once.
        check(world.sanitized or grown[-1] <= 2.25 * MEMORY, "I10: %s: the worker grew by %.0f MiB", text, grown[-1])
    slowest, text = max(took)
    journal_is_whole(db)
    world.check_workers()
    check(worker.alive(), "I8: the worker has ended")
    world.checked(len(took))
    world.figure("slowest", slowest)
    world.figure("grown MiB", max(grown))
    world.note("slowest %.2f s: %s; grown by %.0f MiB at the most", slowest, text, max(grown))
    # Of processor time; the claim and the cases beside this one take some, and ASan as much again to free it all.
    check(slowest <= world.within(SECONDS + 4, SECONDS + 1, SECONDS + 1) + 20 * world.sanitized, "I5: %s was stopped after %.2f s", text, slowest)


@case(54)
def backtracking(world):
    """Regular expressions that would take for ever: an answer or a fault, in bounded time."""
    db = world.db
    names = [applied(db, "regex%d" % n, text) for n, text in enumerate(BACKTRACKING)]
    worker, ends = world.worker("--poll", "100ms"), []
    for name, text in zip(names, BACKTRACKING):
        world.plan("%s", text)
        began = time.monotonic()
        run = db.start(name, 1)[0]
        db.wait_idle(60)
        ends.append((time.monotonic() - began, text, db.value("select status from stepwell.runs where id = '%s'" % run)))
        world.inject()
        world.land()
    journal_is_whole(db)
    check(worker.alive(), "I8: the worker has ended")
    world.check_workers()
    check(all(status in ("completed", "faulted") for _, _, status in ends), "I5: %s", ends)
    world.checked(len(ends))
    world.figure("slowest", max(ends)[0])
    world.note("slowest %.2f s: %s, %s", *max(ends))
    check(max(ends)[0] <= world.within(SECONDS + 10, SECONDS + 3, SECONDS + 3), "I5: %s took %.2f s", max(ends)[1], max(ends)[0])


@case(54, alone_in_full=True)
def others_go_on(world):
    """The rate of the other runs, with one that runs away every ten seconds or so and without."""
    db, recorder = world.db, world.recorder
    db.apply("http", http_steps(recorder.url, 4, "/delay/50"))
    applied(db, "runaway", world.random.choice(RUNAWAYS[:4]))
    count, bad, took, ids = world.size(40, 2000, 8000), world.size(1, 5, 20), [], []
    with world.pool(2, "--concurrency", "4") as pool:
        pool.wait_ready()
        for runaway in (False, True):
            began = time.monotonic()
            for _ in range(bad):  # in parts, so that they are spread
                ids += db.start("http", count // bad, len(ids) + 1)
                if runaway:
                    world.plan("a runaway beside %d runs", count // bad)
                    db.start("runaway", 1)
                    world.inject()
                db.wait_idle(120)
            took.append(time.monotonic() - began)
        check(not pool.replace_dead(), "I8: workers ended")
    ends = {(r["name"], r["status"]): r["n"] for r in db.rows("select name, status, count(*) as n from stepwell.runs group by 1, 2")}
    check(ends == {("http", "completed"): len(ids), ("runaway", "faulted"): bad}, "I5: %s", ends)
    world.land(bad)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])
    world.checked(4 * len(ids))
    ratio = took[0] / took[1]
    world.figure("rate", ratio)
    world.note("others ran at %.0f %% of their rate", 100 * ratio)
    check(world.size(True, ratio >= 0.9, ratio >= 0.9), "I5: others ran at %.0f %% of their rate", 100 * ratio)


@case(54)
def many_expressions(world):
    """Each of them of the kind that libjq must compile."""
    db, count = world.db, world.size(300, 10000, 100000)
    # One after the other, and after the first the rest in one object: a definition of that many tasks is row 57.
    document = {"document": {"dsl": "1.0.3", "namespace": "crash", "name": "many", "version": "1.0.0"},
                "do": [{"sum": {"set": {"k%d" % n: "${ .n + %d | tostring | length }" % n for n in range(count)}}}]}
    path = pathlib.Path(world.cluster.dir, world.name + ".json")
    path.write_text(json.dumps(document))
    began = time.monotonic()
    db.cli("apply", str(path), expect=0, timeout=600)
    took = time.monotonic() - began
    db.start("many", 1)
    worker = world.worker()
    began = time.monotonic()
    db.wait_idle(600)
    ran = time.monotonic() - began
    all_completed(db, 1)
    journal_is_whole(db)
    output = json.loads(db.value("select output::text from stepwell.runs"))
    bad = [k for k, v in output.items() if v != len(str(1 + int(k[1:])))]
    check(not bad and len(output) == count, "I4: %d values, wrong: %s", len(output), bad[:5])
    world.check_workers()
    world.inject(count)
    world.land(count)
    world.checked(count)
    world.figure("seconds", ran)
    world.note("%d expressions: apply %.1f s, run %.1f s, %.0f MiB", count, took, ran, worker.peak_mib())


BUILTINS = ["length", "utf8bytelength", "not", "keys", "keys_unsorted", "values", "add", "any", "all", "flatten", "floor", "sqrt", "tostring", "tonumber",
            "type", "isinfinite", "isnan", "isnormal", "sort", "min", "max", "unique", "reverse", "explode", "implode", "ascii_downcase", "recurse", "transpose",
            "first", "last", "tojson", "fromjson", "error", "to_entries", "from_entries", "[paths]", "[leaf_paths]", "todate", "fromdate", "gmtime", "mktime",
            "localtime", "[tostream]", "fromstream(tostream)", "fromstream(.[])", "[combinations]", "@text", "@csv", "@tsv", "@html", "@uri", "@sh", "@base64",
            "@base64d", "log", "exp10", "significand", "gamma", "frexp", "modf", "trunc", "round", "ceil", "walk(.)", "env?", "builtins", "ascii", "input?",
            "splits(\"a\")", "tojson | fromjson", "min_by(.)", "group_by(.)", "unique_by(length)", "to_entries[0]", "getpath([\"a\", 0])", "del(.[0])", "jn(1; 2)",
            "[limit(3; .[])]", "[match(\"a\"; \"g\")]", "[scan(\"[a-z]\")]", "test(\"(a*)*b\")", "sub(\"a\"; \"b\"; \"g\")", "gsub(\"\"; \"x\")", "ltrimstr(\"a\")",
            "split(\"a\")", "split(\", *\"; null)", "join(\",\")", "indices(\"a\")", "index(\"\")", "inside(.)", "contains(.)", "strptime(\"%Y\")", "strftime(\"%Y\")",
            "strflocaltime(\"%H\")", "ldexp(.; 1000000)", "scalb(.; 1e9)", "nearbyint", "logb", "pow(.; 1e9)", "drem(.; 0)", "range(.; 5)", "bsearch(1)",
            "[splits(\"\")]", "tojson * 1000000", "[.[]?] - [.[]?]", ". * .", ". % .", ". / .", "(.[0:] = 1)", "delpaths([[0]])", "setpath([1e9]; 1)",
            "with_entries(.)", "truncate_stream(1; tostream)", "[getpath(paths)]", "tojson | .[(-1 | sqrt):]", ".[nan:]", ".[:infinite]", ".[infinite]", ".[1e300]",
            ".[-1e300:]", "limit(-1; .)", "splits(1)", "ascii_upcase", "@json", "(.. |= .)", "input_line_number?", "halt?", "$__loc__", "getpath([nan])", "del(.[nan:])"]
HOSTILE = [None, 0, -1, 1e308, -1e308, 1e-320, 9007199254740993, "", "nan", "a" * 1000, "\u0000\ud83d\ude00", "%s%n%Y", "[" * 60 + "]" * 60, [], {}, [0, [1e308]],
           [[["a"], 1], [[0], 2], [[1e9], 3]], {"a": [{"b": None}]}, {"start": -1, "end": 1e300}, [1114112, -1, 55296], "\u00e9" * 500]


def hostile_values(world):
    deep = None
    for _ in range(50):
        deep = [deep]
    return HOSTILE + [deep, "a b," * 262144, ["%d" % n for n in range(20000)], {"k%d" % n: n for n in range(5000)}]


def hostile_expression(world, number):
    parts = ["(%s)" % world.random.choice(BUILTINS) for _ in range(world.random.randint(1, 3))]
    around = world.random.choice(["%s", "[%s]", "try (%s) catch .", "first(%s)", "[limit(9; %s)]", "path(%s)?", "reduce (%s) as $x (0; .)", "(%s)? // 1",
                                  "label $f | %s | ., break $f", "[.[]? | %s]", "map_values(%s)", "(nan, infinite, -infinite) | %s"])
    return around % " | ".join(parts)


@case(54)
def every_builtin(world):
    """Builtins of jq 1.6 on what they were not made for: each run ends, no worker does, and none is late."""
    db, count, values = world.db, world.size(40, 300, 3000), hostile_values(world)
    names = []
    while len(names) < count:
        text = hostile_expression(world, len(names))
        name = "builtin%d" % len(names)
        path = pathlib.Path(world.cluster.dir, "%s-%s.json" % (world.name, name))
        path.write_text(json.dumps({"document": {"dsl": "1.0.3", "namespace": "crash", "name": name, "version": "1.0.0"},
                                    "do": [{"run": {"set": {"v": "${ .v | %s }" % text}}}]}))
        if db.cli("apply", str(path))[0] == 0:
            names.append((name, text))
    worker, late = world.worker("--poll", "100ms"), []
    for name, text in names:
        value = world.random.choice(values)
        world.plan("%s", text)
        run = db.psql("select stepwell.start('crash/%s', $inputs$%s$inputs$::json)" % (name, json.dumps({"v": value}))).strip()
        began = time.monotonic()
        db.wait_idle(60)
        late.append((time.monotonic() - began, text))
        row = db.rows("select status, error ->> 'title' as title from stepwell.runs where id = '%s'" % run)[0]
        world.inject()
        world.land()
        check(row["status"] in ("completed", "faulted"), "I5: %s on %.80r: %s", text, value, row)
        check(worker.alive(), "I8: %s on %.80r ended the worker", text, value)
    journal_is_whole(db)
    world.check_workers()
    world.checked(count)
    world.figure("slowest", max(late)[0])
    world.note("%d expressions, slowest %.2f s: %s", count, *max(late))
    # What dies is tried twice, each a second of processor time; the claim takes some.
    check(max(late)[0] <= world.within(15, 5, 5) + 20 * world.sanitized, "I5: %s took %.2f s", max(late)[1], max(late)[0])
