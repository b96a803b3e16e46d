#!/usr/bin/env python3
"""wfctl graph as a stranger uses it: files, registered workflows and runs in every form, its exit codes,
the colours of a run, names that try to break out, and how long a large definition takes.

    test_graph.py [NAME...]    only the cases with NAME in their name

Finds the program in WFCTL and an empty database in DATABASE_URL. Where graphviz is installed, `dot` must
accept what it is given; where ../shared/openworkflow is, all official examples are drawn. Prints TAP
lines."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "faults"))
from checks import stretch  # noqa: E402

WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
OFFICIAL = sorted((ROOT / "../shared/openworkflow/examples").glob("*.json"))
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
FORMS = ("text", "mermaid", "dot", "svg", "json")
SVG = "{http://www.w3.org/2000/svg}"
PATIENCE = 300


class World:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def wfctl(self, *words, expect=0, database=True, **environment):
        env = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
        if not database:
            env = {k: v for k, v in env.items() if k != "DATABASE_URL" and not k.startswith("PG")}
            env["DATABASE_URL"] = "host=/nowhere"
        done = subprocess.run([WFCTL, *map(str, words)], capture_output=True, cwd=self.folder, env=env,
                              timeout=PATIENCE, stdin=subprocess.DEVNULL)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == expect, "wfctl %s: exit %s, not %s\n%s%s" % (
            words, done.returncode, expect, done.stdout[:2000], done.stderr[:2000])
        return done

    def draw(self, what, form, **more):
        done = self.wfctl("graph", "-o", form, what, **more)
        assert done.stderr == "" or "makecontext" in done.stderr, done.stderr
        return done.stdout

    def file(self, name, tasks, **more):
        document = {"document": {"dsl": "1.0.3", "namespace": "graph", "name": name,
                                 "version": "1.0.0"}, "do": tasks, **more}
        return self.text(name + ".json", json.dumps(document))

    def text(self, name, content):
        path = self.folder / name
        path.write_text(content)
        return path


def parse_svg(text):
    """Well-formed, without anything that is loaded or run, everything inside the canvas."""
    root = ElementTree.fromstring(text)
    assert root.tag == SVG + "svg", root.tag
    width, height = float(root.get("width")), float(root.get("height"))
    tags = {e.tag.replace(SVG, "") for e in root.iter()}
    assert tags <= {"svg", "title", "rect", "g", "path", "text", "tspan"}, tags
    for element in root.iter():
        assert not any(k.startswith("on") or k in ("id", "href", "style") for k in element.attrib)
    first = root.find(SVG + "rect")
    assert (float(first.get("width")), float(first.get("height"))) == (width, height)
    return root


def check_dot(text):
    if not shutil.which("dot"):
        return
    done = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()[:500]


def check_mermaid(text):
    """Every line is one that we write: ids of ours, labels in quotes without a quote inside."""
    label, node = r'"[^"`<>\[\]{}|]*(?:<br/>[^"`<>\[\]{}|]*)*"', r"(?:n\d+|start)"
    lines = [r"flowchart TB", r"classDef \w+ [\w#:,; -]+", r"class n\d+ \w+", r"end",
             r"subgraph n\d+\[%s\]" % label, r"%s -\. error \.-> n\d+" % node,
             r"%s(?:\[|\[\[|\(\[|\(\(|\{|\{\{|>)%s(?:\]|\]\]|\]\)|\)\)|\}|\}\})" % (node, label),
             r"%s -->(?:\|%s\|)? n\d+(?: --> n\d+)?" % (node, label)]
    depth = 0
    for line in text.splitlines():
        assert any(re.fullmatch(r"\s*" + pattern, line) for pattern in lines), line
        depth += line.strip().startswith("subgraph ") - (line.strip() == "end")
    assert depth == 0, "subgraphs are not closed"


def check_text(text):
    assert all(len(line) <= 100 for line in text.splitlines()), max(text.splitlines(), key=len)


def check_json(text):
    """An object; every edge leads from a task of its list to another one, or out of it."""
    def walk(part):
        names = {t["name"] for t in part["tasks"]}
        assert all(e["from"] in names and e["to"] in names | {"exit", "end"} for e in part["edges"]), part
        for task in part["tasks"]:
            assert task["kind"] is not None and isinstance(task["notes"], list), task
            for inner in task["lists"]:
                walk(inner)
    graph = json.loads(text)
    for name in ("body", "functions", "extensions"):
        walk(graph[name])
    return graph


CHECKS = {"json": check_json, "text": check_text, "mermaid": check_mermaid, "dot": check_dot, "svg": parse_svg}


# ---- Cases ----

def examples_are_drawn_in_every_form(w):
    for path in OFFICIAL + EXAMPLES:
        for form in FORMS:
            CHECKS[form](w.draw(path, form, database=False))
    assert len(EXAMPLES) > 5


def a_file_needs_no_database(w):
    path = w.file("file", [{"greet": {"set": {"a": 1}}}])
    for form in FORMS:
        assert "greet" in w.draw(path, form, database=False)
    assert w.wfctl("graph", path, database=False).stdout == w.draw(path, "text", database=False)
    for words in (("--format", "svg"), ("--output=svg",), ("-osvg",)):
        assert w.wfctl("graph", path, *words).stdout == w.draw(path, "svg")
    yaml = w.text("flow.yaml", "document: {dsl: 1.0.3, namespace: graph, name: y, version: 1.0.0}\n"
                  "do:\n  - nap: {wait: {minutes: 90}}\n")
    assert "nap  wait 1h 30m" in w.draw(yaml, "text", database=False)


def what_cannot_be_drawn_is_refused(w):
    done = w.wfctl("graph", w.file("bad", [{"a": {"sett": {}}}]), expect=6, database=False)
    assert done.stdout == "" and "bad.json:1:" in done.stderr and "/do/0/a" in done.stderr, done.stderr
    done = w.wfctl("graph", w.text("broken.json", "{"), expect=6, database=False)
    assert done.stdout == "" and "not JSON" in done.stderr, done.stderr
    w.wfctl("graph", "nowhere.json", expect=3, database=False)
    w.wfctl("graph", expect=2)
    w.wfctl("graph", "a", "b", expect=2)
    done = w.wfctl("graph", "-o", "png", w.file("good", [{"a": {"set": {"a": 1}}}]), expect=2)
    assert "text|mermaid|dot|svg|json" in done.stderr, done.stderr
    w.wfctl("graph", "graph/nowhere", expect=3)
    w.wfctl("graph", "00000000-0000-7000-8000-000000000000", expect=3)
    w.wfctl("graph", "no-run", expect=2)
    w.wfctl("graph", "graph/good", expect=7, database=False)


def what_this_runtime_does_not_run_is_drawn(w):
    path = w.file("later", [{"ask": {"call": "grpc", "with": {
        "proto": {"endpoint": "https://x/y.proto"}, "service": {"name": "S", "host": "h"},
        "method": "M"}}}], schedule={"cron": "0 0 * * *"})
    w.wfctl("validate", path, expect=6)
    text = w.draw(path, "text")
    assert "start: cron 0 0 * * *" in text and "ask  grpc S M at h" in text, text


def a_registered_workflow_is_drawn_with_its_functions(w):
    w.text("shout.yaml", "do:\n  - upper: {set: {said: \"${ .text | ascii_upcase }\"}}\n")
    w.wfctl("apply", "--function", "shout:1.0.0", "shout.yaml")
    path = w.file("named", [{"hail": {"call": "shout:1.0.0@default", "with": {"text": "a"}}}])
    assert "upper" not in w.draw(path, "text")
    w.wfctl("apply", path)
    text = w.draw("graph/named:1.0.0", "text")
    assert "functions" in text and "upper" in text, text
    assert w.draw("graph/named", "text") == text
    w.wfctl("run", "graph/named")
    assert re.search(r"✓ upper +completed", w.draw("@last", "text"))


LIVE = [
    {"begin": {"set": {"items": [1, 2, 3]}}},
    {"pick": {"switch": [{"few": {"when": ".items | length < 2", "then": "small"}},
                         {"many": {"then": "each"}}]}},
    {"small": {"set": {"items": []}}},
    {"each": {"for": {"each": "n", "in": ".items"}, "do": [
        {"count": {"set": {"items": [1, 2, 3]}}}, {"odd": {"if": "$n > 1", "set": {"x": 1}}}]}},
    {"guard": {"try": [{"boom": {"raise": {"error": {"type": "https://x/errors/boom", "status": 500}}}}],
               "catch": {"retry": {"limit": {"attempt": {"count": 2}}}, "do": [{"mend": {"set": {"y": 1}}}]}}},
    {"nap": {"wait": {"hours": 1}}},
    {"last": {"set": {"z": 1}}}]

LIVE_STATES = {"begin": "completed", "pick": "completed", "small": "not reached", "each": "completed",
               "count": "completed", "odd": "completed", "guard": "completed", "boom": "faulted",
               "mend": "completed", "nap": "waiting", "last": "not reached"}


def a_run_has_the_colours_of_its_states(w):
    w.wfctl("start", w.file("live", LIVE))
    run = json.loads(w.wfctl("list", "-o", "json").stdout)[0]["id"]
    w.wfctl("worker", "--until-idle", "--poll", "50ms")
    root = parse_svg(w.draw(run, "svg"))
    states, fills = {}, {}
    for group in root.iter(SVG + "g"):
        if group.get("data-path"):
            name = group.get("data-path").split("/")[-1]
            states[name] = group.get("data-state")
            shape = [e for e in group if e.get("fill") and e.get("stroke")][0]
            fills.setdefault(states[name], set()).add(shape.get("fill"))
    assert states == LIVE_STATES, states
    assert all(len(colours) == 1 for colours in fills.values()), fills
    assert len(set().union(*fills.values())) == len(fills), fills
    words = {e.text for e in root.iter(SVG + "text")}
    assert {"iterations: 3 completed", "2 completed, 1 skipped", "not reached", "cancelled"} <= words, words
    assert "run %s: waiting" % run in words or "run %s: pending" % run in words, words
    text = w.draw(run[-12:], "text")
    assert re.search(r"✗ boom +\d faulted", text) or re.search(r"✗ boom +faulted, 3 attempts", text), text
    assert re.search(r"◷ nap +waiting +wait 1h", text), text
    assert re.search(r"  last +not reached", text), text
    check_text(text)
    mermaid = w.draw(run, "mermaid")
    check_mermaid(mermaid)
    assert re.search(r"class n\d+ waiting", mermaid) and "classDef waiting fill:" in mermaid
    graph = check_json(w.draw(run, "json"))
    nap = next(t for t in graph["body"]["tasks"] if t["name"] == "nap")
    assert graph["run"] == run and (nap["status"], nap["steps"], nap["path"]) == ("waiting", 1, "/do/%d/nap" % [
        t["name"] for t in graph["body"]["tasks"]].index("nap")), nap
    dot = w.draw(run, "dot")
    check_dot(dot)
    assert "3 completed" in dot
    w.wfctl("cancel", run)
    w.wfctl("worker", "--until-idle", "--poll", "50ms")
    assert 'data-state="cancelled"' in w.draw(run, "svg")


def a_terminal_without_utf8_gets_ascii(w):
    path = w.file("plain", LIVE)
    text = w.wfctl("graph", path, LC_ALL="C").stdout
    assert text.isascii() and "`- " in text and "* start" in text, text
    assert "├─ " in w.draw(path, "text") and "\x1b" not in w.draw(path, "text")


NAMES = ["<script>alert(1)</script>", "\"];}", "a`b`c", "#quot; &lt; &amp;", "end", "line\nbreak\ttab",
         "\u202eevil", "\x1b[31mred", "日本語 👩‍👩‍👧", "x" * 5000, "\\", "trailing\\", "%s%n$(id)",
         "\ufffe\uffff", "nul\u0000z", "--> n1", "{{x}}", "]]>", "<!--", " ", "", "~/[0]#2!call"]


def names_cannot_break_out(w):
    tasks = [{n: {"if": "\"]]><b>\" == .x", "set": {n or "e": n}}} for n in NAMES]
    cases = [{n: {"when": "\"<>&\\\"`\" == .x", "then": "end"}} for n in NAMES]
    tasks += [{"pick": {"switch": cases}}, {"in": {"do": tasks[:3]}}]
    path = w.file("hostile", tasks)
    for form in FORMS:
        text = w.draw(path, form)
        CHECKS[form](text)
        for bad in ("\x1b", "\u202e", "\x00", "\ufffe"):
            assert bad not in text or form in ("text", "mermaid", "dot", "json") and bad == "\ufffe", (form, bad)
    root = parse_svg(w.draw(path, "svg"))
    assert not list(root.iter(SVG + "script"))
    shown = {e.text for e in root.iter(SVG + "text")}
    assert {"<script>alert(1)</script>", "\"];}", "\\u202eevil", "(no name)"} <= shown, shown
    w.wfctl("run", path)
    states = {g.get("data-state") for g in parse_svg(w.draw("@last", "svg")).iter(SVG + "g")}
    assert states == {"completed", "skipped", None}, states


def large_definitions_take_no_time(w):
    tasks = []
    for i in range(1000):
        kinds = [{"set": {"x": i}}, {"wait": {"seconds": i + 1}},
                 {"call": "http", "with": {"method": "get", "endpoint": "https://x/%d" % i}},
                 {"switch": [{"far": {"when": ".x", "then": "t%d" % (i * 7919 % 1000)}}]}]
        tasks.append({"t%d" % i: kinds[i % 4]})
    large = w.file("large", tasks)
    begin = time.monotonic()
    w.wfctl("validate", large)
    alone = time.monotonic() - begin
    for form in FORMS:
        begin = time.monotonic()
        text = w.draw(large, form)
        took = time.monotonic() - begin
        print("# 1000 tasks as %s: %.2f s, of which validation %.2f s" % (form, took, alone))
        # A sanitizer build on a busy machine; what matters is that it does not grow with the square.
        assert took < 10 * alone + 20 * stretch(), "%s: %.1f s" % (form, took)
    assert "t999" in text
    deep = [{"leaf": {"set": {"x": 1}}}]
    for i in range(12):
        deep = [{"d%d" % i: {"for": {"in": ".x"}, "do": deep}}]
    parse_svg(w.draw(w.file("deep", deep), "svg"))
    parse_svg(w.draw(w.file("wide", [{"f": {"fork": {"branches": [
        {"b%d" % i: {"set": {"x": 1}}} for i in range(500)]}}}]), "svg"))


CASES = [examples_are_drawn_in_every_form, a_file_needs_no_database, what_cannot_be_drawn_is_refused,
         what_this_runtime_does_not_run_is_drawn, a_registered_workflow_is_drawn_with_its_functions,
         a_run_has_the_colours_of_its_states, a_terminal_without_utf8_gets_ascii, names_cannot_break_out,
         large_definitions_take_no_time]


def main():
    failed, cases = 0, [c for c in CASES if not sys.argv[1:] or any(n in c.__name__ for n in sys.argv[1:])]
    subprocess.run([WFCTL, "migrate"], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    for number, case in enumerate(cases, 1):
        with tempfile.TemporaryDirectory(prefix="graph.") as folder:
            try:
                case(World(folder))
                print("ok %d - %s" % (number, case.__name__), flush=True)
            except Exception:
                failed += 1
                print("not ok %d - %s" % (number, case.__name__))
                print("#   " + traceback.format_exc().replace("\n", "\n#   "), flush=True)
    print("1..%d" % len(cases))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
