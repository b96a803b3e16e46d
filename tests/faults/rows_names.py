"""Names with every escape of a path, through a takeover: each step at its path, with its reference (row 68)."""
import json

from catalogue import case
from harness import check
from judges import all_completed, journal_is_whole

MARKS = "~/[#!"  # ~0 ~1 ~2 ~3 ~4 in a path; a reference is a JSON Pointer, and knows ~0 and ~1 only
FRAGMENTS = ["}", "{", "\"", "'", "\\", "/", "~", "%", "#", "[0]", "!", "~0", "~1", "#2", "!call", "\\u0000", "\u00e9", "\U0001f600", "\u202e",
             " ", "do", "0", ",\"loss\":true", "%s", "$x", "..", "//"]


def in_path(name):
    return "".join("~%d" % MARKS.index(c) if c in MARKS else c for c in name)


def names(chance, count):
    found = {}
    while len(found) < count:
        found["n" + "".join(chance.choices(FRAGMENTS, k=chance.randint(1, 5)))] = None
    return list(found)


def found_at(document, reference):
    """The name and the task that a JSON Pointer leads to."""
    node, name = document, None
    for part in reference.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        node = node[int(name)] if isinstance(node, list) else node[name]
    return name


@case(68)
def names_with_every_escape(world):
    """Tasks of all kinds that contain others, their names drawn at random; the worker is killed in the middle."""
    db, recorder, expected, runs = world.db, world.recorder, {}, {}
    for n in range(world.size(3, 20, 100)):
        a, b, c, d, e, f, g, h, i, j = names(world.random, 10)
        held = {"call": "http", "with": {"method": "post", "endpoint": recorder.url + "/hold/names/%d" % n, "body": {}}}
        tasks = [{a: {"do": [{b: {"set": {"x": 1}}}, {c: {"for": {"in": "${ [1, 2] }"}, "do": [{d: {"set": {"y": 2}}}]}}]}},
                 {e: {"fork": {"branches": [{f: held}, {g: {"wait": {"milliseconds": 10}}}]}}},
                 {h: {"try": [{i: {"raise": {"error": {"type": "https://x.test/e", "status": 418}}}}],
                      "catch": {"do": [{j: {"set": {"z": 3}}}]}}}]
        paths = ["/do/0/%(a)s", "/do/0/%(a)s/do/0/%(b)s", "/do/0/%(a)s/do/1/%(c)s", "/do/0/%(a)s/do/1/%(c)s[0]/do/0/%(d)s",
                 "/do/0/%(a)s/do/1/%(c)s[1]/do/0/%(d)s", "/do/1/%(e)s", "/do/1/%(e)s/fork/branches/0/%(f)s",
                 "/do/1/%(e)s/fork/branches/1/%(g)s", "/do/2/%(h)s", "/do/2/%(h)s/try/0/%(i)s", "/do/2/%(h)s/catch/do/0/%(j)s"]
        escaped = {k: in_path(v) for k, v in zip("abcdefghij", (a, b, c, d, e, f, g, h, i, j))}
        with open(db.apply("names%d" % n, tasks), encoding="utf-8") as file:
            document = json.load(file)
        world.plan("names %r", [a, b, c, d, e, f, g, h, i, j])
        run = db.start("names%d" % n, 1)[0]
        runs[run], expected[run] = document, sorted(p % escaped for p in paths)
    worker = world.worker("--poll", "100ms")
    recorder.wait("/hold/names", len(runs))
    world.inject(len(runs))
    worker.end()
    world.ends.remove(worker.end)
    world.once("workers", list).remove(worker)
    world.land(len(runs))
    world.worker("--poll", "100ms")
    recorder.wait("/hold/names", 2 * len(runs))
    recorder.release("names")
    db.wait_idle(60)
    all_completed(db, len(runs))
    journal_is_whole(db)
    for run, paths in expected.items():
        rows = db.rows("select path, reference, name, status from stepwell.steps where run_id = '%s'" % run)
        check(sorted(row["path"] for row in rows) == paths, "I1: the paths %s are not %s", [row["path"] for row in rows], paths)
        for row in rows:
            check(found_at(runs[run], row["reference"]) == row["name"], "I1: %s leads not to %s", row["reference"], row["name"])
    world.checked(len(runs))
