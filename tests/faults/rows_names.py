"""Names with every escape, through a takeover: each step at its path, with its reference, and nothing that a
name says is taken for what the picture, the terminal or the JSON says around it (row 68)."""
import json
import re
import urllib.error
from urllib.parse import quote
import xml.etree.ElementTree as ElementTree

from catalogue import case
from harness import Failure, check
from hostile import UNSEEN
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


# What ends or opens something in a picture's language, in a pattern, or in a terminal.
SIGNS = FRAGMENTS + ["<script>", "</text>", "]]>", "&amp;", "-->", "end", "%%", "`", ";", "\t", "\n", "\x1b[2J", "\x7f", "\u2028", "\u2066",
                     "[\"", "\"]", "|", "((", ".*", "^", "$", "subgraph", "<br/>"]
KINDS = ["call", "inside", "try", "raise", "caught", "emit", "before", "after", "listen", "held", "function", "error", "retry",
         "timeout", "extension", "type", "source", "subject", "id", "value", "correlation"]
TEXT = {"mermaid": "\"[^\"]*\"", "dot": r'"(?:\\.|[^"\\])*"'}  # what stands for a name in a picture


def label(chance):
    """A namespace, the name of a workflow, a part of a version: letters, digits and inner hyphens."""
    ends = "abzAZ1"
    return chance.choice(ends) + "".join(chance.choices(ends + "-", k=chance.choice((0, 3, 61)))) + chance.choice(ends)


def pattern(text):
    """A filter's text that covers exactly this one."""
    return re.sub(r"[\\^$*+?()\[\]{}|]", r"\\\g<0>", text)


def reused(of, document, hold):
    """A definition with all that can have a name, of kind -> name."""
    event = {"type": of["type"], "source": "urn:x:" + quote(of["source"]), "subject": of["subject"]}
    awaited = {name: pattern(text) for name, text in event.items()}
    return {"document": document, "use": {
        "functions": {of["function"]: {"do": [{of["inside"]: {"set": {"f": 1}}}]}},
        "errors": {of["error"]: {"type": "https://x.test/e", "status": 503}},
        "retries": {of["retry"]: {"delay": {"milliseconds": 1}, "limit": {"attempt": {"count": 2}}}},
        "timeouts": {of["timeout"]: {"after": {"minutes": 5}}},
        "extensions": [{of["extension"]: {"extend": "emit", "before": [{of["before"]: {"set": {"b": 1}}}],
                                          "after": [{of["after"]: {"set": {"a": 1}}}]}}]}, "do": [
        {of["call"]: {"call": of["function"], "with": {}}},
        {of["try"]: {"try": [{of["raise"]: {"raise": {"error": of["error"]}}}],
                     "catch": {"retry": of["retry"], "do": [{of["caught"]: {"set": {"z": 3}}}]}}},
        {of["emit"]: {"emit": {"event": {"with": dict(event, id=of["id"], data={"k": of["value"]})}}}},
        {of["listen"]: {"listen": {"to": {"one": {"with": awaited, "correlate": {of["correlation"]: {
            "from": ".data.k", "expect": of["value"]}}}}}, "timeout": of["timeout"]}},
        {of["held"]: {"call": "http", "with": {"method": "post", "endpoint": hold, "body": {}}}}]}


def skeleton(form, picture):
    """What is left of a picture when its names are taken out of it."""
    if form == "svg":
        return sorted({element.tag for element in ElementTree.fromstring(picture).iter()})
    if form == "text":
        return picture.count("\n")
    return [re.sub(TEXT[form], "NAME", line) for line in picture.split("\n")]


def looks(db, what):
    """form -> what is left of the picture of a run, or of a definition's file."""
    found = {}
    for form in ("text", "svg", "mermaid", "dot"):
        picture = db.cli("graph", what, "-o", form, expect=0, env={"LC_ALL": "C.UTF-8"})[1]
        unseen = UNSEEN.search(picture)
        check(not unseen, "I8: graph -o %s prints %r", form, unseen)
        found[form] = skeleton(form, picture)
    return found


def speaks_well(db, run, of):
    """What is printed of the run for people holds nothing that is not seen; for programs it is whole."""
    for words in (["status", run], ["history", run], ["list"]):
        unseen = UNSEEN.search(db.cli(*words, expect=0, env={"LC_ALL": "C.UTF-8"})[1])
        check(not unseen, "I8: wfctl %s prints %r", words[0], unseen)
    steps = [step["name"] for step in json.loads(db.cli("status", run, "-o", "json", expect=0)[1])["steps"]]
    inside = {of[kind] for kind in KINDS[:KINDS.index("function")]}
    check(inside <= set(steps), "I1: the steps %s are not %s", steps, inside)
    said = [json.loads(line) for line in db.cli("history", run, "-o", "jsonl", expect=0)[1].strip("\n").split("\n")]
    check(len(said) > len(inside), "I1: the history has %d entries", len(said))


def held(world, count):
    """So many runs have come to the step that is held."""
    try:
        world.recorder.wait("/hold/used", count, 60)
    except urllib.error.HTTPError:
        raise Failure("I5: not all runs come to their last step:\n" + world.db.stuck()) from None


@case(68)
def names_of_what_is_used(world):
    """Functions, retries, errors, timeouts, extensions, correlations, events, keys, workflows with names drawn at random; beside
    each a twin with plain names, whose pictures must be the same but for the names. The worker is killed in the middle."""
    db, recorder, twins = world.db, world.recorder, []
    for n in range(world.size(2, 20, 100)):
        drawn = {kind: "n%s%d" % ("".join(world.random.choices(SIGNS, k=world.random.randint(1, 4))), i)
                 for i, kind in enumerate(KINDS)}
        world.plan("names %r", drawn)
        twin = []
        for of in (drawn, {kind: "n%d%s" % (n, kind) for kind in KINDS}):
            document = {"dsl": "1.0.3", "namespace": label(world.random), "name": label(world.random),
                        "version": "1.%d.0-%s.7+%s" % (n, label(world.random), label(world.random))}
            path = "%s/used%d.%d.json" % (db.cluster.dir, n, len(twin))
            with open(path, "w", encoding="utf-8") as file:
                json.dump(reused(of, document, recorder.url + "/hold/used/%d.%d" % (n, len(twin))), file)
            db.cli("apply", path, expect=0)
            name, key = "%(namespace)s/%(name)s:%(version)s" % document, "k" + of["value"]
            run = db.cli("start", name, "--key=" + key, expect=0)[1].strip()
            check(db.cli("start", name, "--key=" + key, expect=0)[1].strip() == run, "I2: the key %r names two runs", key)
            twin.append((path, run, of))
        twins.append(twin)
    count = 2 * len(twins)
    flags = ["--poll", "100ms", "--concurrency", str(count)]
    worker = world.worker(*flags)
    held(world, count)
    world.inject(count)
    worker.end()
    world.ends.remove(worker.end)
    world.once("workers", list).remove(worker)
    world.land(count)
    world.worker(*flags)
    held(world, 2 * count)
    recorder.release("used")
    db.wait_idle(60)
    all_completed(db, count)
    journal_is_whole(db)
    for drawn, plain in twins:
        for what in (0, 1):
            first, second = looks(db, drawn[what]), looks(db, plain[what])
            for form, left in first.items():
                check(left == second[form], "I8: the names change the picture as %s: %s, not %s", form, left, second[form])
        speaks_well(db, *drawn[1:])
        world.checked(10)
