#!/usr/bin/env python3
"""The documents, as somebody reads them who believes every word: each snippet of docs/language* and docs/recipes.md
is run, and what the line below it says must come of it; each complete definition anywhere is
valid, each fragment can be parsed, each command has its options, each link leads somewhere, and
each construct of the language has a snippet.

    test_docs.py [NAME...]    only the snippets of pages, or the checks, with NAME in their name

Finds the program in WFCTL and an empty database in DATABASE_URL. Prints TAP lines."""
import concurrent.futures
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
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "faults"), str(ROOT / "tests" / "language")]
from checks import stretch  # noqa: E402
import constructs  # noqa: E402
from markdown import HOST, Page, Wrong, is_document, read_outcomes  # noqa: E402
from recorder import Recorder  # noqa: E402
from run import difference, parse, report  # noqa: E402

WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"
LANGUAGE = [ROOT / "docs" / "language.md", *sorted((ROOT / "docs" / "language").glob("*.md")), ROOT / "docs" / "recipes.md"]
OTHERS = [ROOT / "README.md", ROOT / "examples" / "README.md",
          *(p for p in sorted((ROOT / "docs").glob("*.md")) if p not in LANGUAGE)]


def need(condition, text, *arguments):
    if not condition:
        raise Wrong(text % arguments if arguments else text)


def execute(words, cwd, expect=0, **more):
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, cwd=cwd, timeout=300, **more)
    need(expect is None or done.returncode == expect, "%s: exit %s, not %s\n%s%s", " ".join(map(str, words)),
         done.returncode, expect, done.stdout, done.stderr)
    return done


def psql(statements, cwd="/", database=None):
    return execute(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", database or os.environ["DATABASE_URL"], "-c",
                    statements], cwd).stdout


def conninfo_of(name=None):
    """DATABASE_URL, perhaps with another database, as pairs."""
    return os.environ["DATABASE_URL"] + (" dbname=%s" % name if name else "")


def url_of(name=None):
    """The same as a URL."""
    parts = dict(part.split("=", 1) for part in conninfo_of(name).split())
    name = parts.pop("dbname")
    return "postgresql:///%s?%s" % (name, urllib.parse.urlencode(parts))


# ---- The snippets of a page, one after the other ----

class Reader:
    """Goes through a page with a recorder and a folder of its own."""

    def __init__(self, page, folder, recorder):
        self.page, self.folder, self.recorder = page, pathlib.Path(folder), recorder
        self.served = {}  # target -> text
        self.documents = []  # of complete definitions: (block, file, refused)
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "wfctl").symlink_to(WFCTL)
        (self.folder / "secrets").mkdir()
        self.environment = dict(os.environ, STAND_IN=str(self.folder), PATH="%s:%s:%s" % (
            ROOT / "tests" / "stand-ins" / "docker", self.folder / "bin", os.environ["PATH"]))

    def to_recorder(self, text):
        return text.replace(HOST, self.recorder.url)

    def to_host(self, text):
        return text.replace(self.recorder.url, HOST)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(self.to_recorder(text))
        return path

    def cases(self):
        """-> (name, function) of all that is run, in the order of the page"""
        blocks = self.page.blocks
        for at, block in enumerate(blocks):
            before, after = blocks[at - 1] if at else None, blocks[at + 1:at + 3]
            if block.kind != "fence":
                continue
            if is_document(block):
                yield "%s: %s" % (block, name_of(block)), lambda b=block, a=after: self.snippet(b, a)
            elif block.info == "sh" and "RESTORED_URL" in block.text:
                for form in (conninfo_of, url_of):
                    yield "%s: commands, with %s" % (block, form.__name__), lambda b=block, f=form: self.restore(b, f)
            elif block.info == "sh":
                yield "%s: commands" % block, lambda b=block: self.commands(b.text)
            elif block.info == "sql":
                yield "%s: statements" % block, lambda b=block: psql(b.text)
            elif block.info not in ("text", ""):
                self.other(before, block)

    def commands(self, text, **more):
        execute(["sh", "-euc", text], self.folder, env=dict(self.environment, **more))

    def restore(self, block, form):
        """With the database named in this form; the copy has what the original has."""
        url, restored = form(), form("restored")
        self.commands(block.text, DATABASE_URL=url, RESTORED_URL=restored)
        try:
            count = "select count(*) from stepwell.definition"
            need(int(psql(count, database=restored)) > 0, "nothing was restored")
        finally:
            psql("drop database restored")

    def other(self, before, block):
        """A file, a page of the endpoint, an output, or a fragment."""
        label = re.search(r"`([^`]+)` is:$", before.text) if before and before.kind == "text" else None
        if label and label[1].startswith(HOST):
            self.served[label[1][len(HOST):]] = block.text
        elif label:
            self.file(label[1], block.text)

    def snippet(self, block, after):
        need(after and after[0].kind == "text", "%s: nothing is said of this snippet", block)
        path = self.file("%d.%s" % (block.line, block.info), block.text)
        outcomes = read_outcomes(after[0])
        self.documents.append((block, path, all("refused" in dict(o.results) for o in outcomes)))
        if "language: js" in block.text and not shutil.which("node"):
            execute([WFCTL, "apply", path], self.folder)
            return
        for outcome in outcomes:
            outcome.block = after[1] if len(after) > 1 else None
            self.run(path, outcome)

    def run(self, path, outcome):
        self.recorder.reset()
        self.recorder.answer({t: [{"body": self.to_recorder(text)}] for t, text in self.served.items()})
        self.recorder.answer(outcome.answers)
        for name, value in (outcome.secrets or {}).items():
            (self.folder / "secrets" / name).write_text(value if isinstance(value, str) else json.dumps(value))
        words = [WFCTL, "run", path, "-o", "json", "--allow-run", "--allow-sql", "--env", "PATH", "--env", "STAND_IN",
                 "--secrets", self.folder / "secrets", "--database",
                 "reports=" + os.environ["DATABASE_URL"]]
        if outcome.input is not None:
            words += ["--input", outcome.input]
        start = time.monotonic()
        done = execute(words, self.folder, None, env=self.environment)
        outcome.seconds = time.monotonic() - start
        for secret in (self.folder / "secrets").iterdir():
            secret.unlink()
        outcome.code, outcome.out, outcome.err = done.returncode, self.to_host(done.stdout), self.to_host(done.stderr)
        try:
            judge(outcome, self.requests())
        except Wrong as wrong:
            raise Wrong("%s\nexit %s\n%s%s" % (wrong, outcome.code, outcome.out, outcome.err))

    def requests(self):
        return [r for r in self.recorder.records() if r["path"] not in self.served]


def name_of(block):
    found = re.search(r'namespace"?: *"?([\w-]+)"?, *"?name"?: *"?([\w-]+)', block.text.replace("\n ", ","))
    return "%s/%s" % found.groups() if found else "snippet"


# ---- Whether it is so ----

def same(expected, actual, where):
    found = difference(parse(expected), actual, where)
    need(found is None, "%s", found)


def judge(outcome, requests):
    kinds = [kind for kind, _ in outcome.results]
    expected = 10 if "faults" in kinds else 6 if "refused" in kinds else 8 if "suspended" in kinds else 0
    need(outcome.code == expected, "exit %s, not %s", outcome.code, expected)
    run = parse(outcome.out) if outcome.out.startswith("{") else {}
    for kind, what in outcome.results:
        if kind == "gives":
            same(what if what is not None else outcome.block.text, run["output"], "output")
        elif kind == "faults":
            judge_error(run["error"], *what)
        elif kind == "refused":
            for part in filter(None, what):
                need(part in outcome.err, "nothing about %s", part)
        elif kind == "suspended":
            need(run["status"] == "suspended" and what[1] in run["reason"], "it is %s", run)
        elif kind == "sends":
            judge_requests(what, requests)
        elif kind == "takes":
            need(what <= outcome.seconds < what + 20 * stretch(), "took %.1f s", outcome.seconds)
        else:
            judge_steps(kind, what, run["steps"])


def judge_error(error, kind, status, instance, detail):
    full = kind if ":" in kind else ERRORS + kind
    need([error["type"], error["status"]] == [full, status], "%s %s", error["type"], error["status"])
    need(instance in (None, error.get("instance")), "the instance is %s", error.get("instance"))
    need(detail is None or detail in error.get("detail", ""), "the detail is %s", error.get("detail"))


def judge_requests(expected, requests):
    actual = {}
    for r in requests:
        actual.setdefault("%s %s" % (r["method"], r["path"]), []).append(r)
    need({e["request"]: e["count"] for e in expected} == {k: len(v) for k, v in actual.items()},
         "it sent %s", {k: len(v) for k, v in actual.items()})
    for e in expected:
        for r in actual[e["request"]]:
            if e["body"] is not None:
                need(r["body"] == e["body"] or difference(parse(e["body"]), parse(r["body"])) is None,
                     "the body is %s", r["body"])
            if e["header"]:
                name, _, value = e["header"].partition(": ")
                found = r["headers"].get(name.lower())
                need(found == value or (value.startswith("<") and found), "the header is %s: %s", name, found)
        keys = {r["key"] for r in actual[e["request"]]} - {None}
        need(e["keys"] is None or len(keys) == int(e["keys"]), "it had %d keys", len(keys))


def judge_steps(kind, names, steps):
    key = "path" if names[0].startswith("/") else "name"
    if kind == "enters":
        entered = [s[key] for s in steps if s["status"] != "skipped"]
        need(entered == names, "it entered %s", entered)
        return
    wanted = {"skips": "skipped", "cancels": "cancelled"}[kind]
    for name in names:
        statuses = {s["status"] for s in steps if s[key] == name}
        need(statuses == {wanted}, "%s is %s", name, statuses)


def read_page(path):
    """-> ([(name, problem or None)], documents)"""
    with tempfile.TemporaryDirectory(prefix="docs.") as folder, Recorder() as recorder:
        reader = Reader(Page(path, ROOT), folder, recorder)
        results = [(name, problem_of(case)) for name, case in reader.cases()]
        results.append(("%s: its definitions are valid" % reader.page.name, problem_of(
            lambda: check_documents(reader))))
        return results


def problem_of(case):
    try:
        case()
    except Wrong as wrong:
        return str(wrong)
    except Exception:
        return traceback.format_exc()
    return None


def check_documents(reader):
    """What is not said to be refused can be run."""
    paths = [path for _, path, refused in reader.documents if not refused]
    if paths:
        execute([WFCTL, "validate", *paths], reader.folder)


# ---- Checks of all documents ----

def pages():
    return [Page(path, ROOT) for path in LANGUAGE + OTHERS]


def links_lead_somewhere():
    anchors = {page.path: set(page.anchors()) for page in pages()}
    for page in pages():
        for block, target in page.links():
            if re.match("[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            path = (page.path.parent / name).resolve() if name else page.path
            need(path.exists(), "%s: there is no %s", block, target)
            need(not anchor or anchor in anchors.get(path, ()), "%s: no heading %s", block, target)


def commands_of(page):
    """-> (block, command line): lines of code, and code in the text"""
    for block in page.blocks:
        if block.kind == "indented" or block.info == "sh":
            for line in block.text.splitlines():
                yield block, line
        elif block.kind == "text":
            for code in re.findall(r"`([^`]+)`", block.text):
                yield block, code


def commands_exist():
    """Their verbs and options, and the files of the project that they name."""
    helps, seen = {}, 0
    for page in pages():
        for block, line in commands_of(page):
            line = line.partition(" #")[0]
            for match in re.finditer(r"(?:^|[\s/|(])wfctl ([a-z]+)((?: +[^\n`#|>&;)]+)?)", line):
                verb, rest = match.groups()
                if verb not in helps:
                    helps[verb] = execute([WFCTL, "help", verb], "/", None).stdout
                need(helps[verb], "%s: there is no command %s", block, verb)
                for option in re.findall(r"(?<=\s)--[a-z-]+", rest):
                    need(re.search(r"%s[ \n]" % option, helps[verb]), "%s: %s has no %s", block, verb, option)
                seen += 1
            for file in re.findall(r"(?:^|[ @])((?:script|examples|tests|bench)/[\w/.-]+)", line):
                need((ROOT / file).exists(), "%s: there is no %s", block, file)
    need(seen > 50, "only %d commands were found", seen)


def flags_of_a_worker_exist():
    text = (ROOT / "docs" / "operations.md").read_text()
    flags = set(re.findall(r"^\| `(--[a-z-]+)", text, re.M))
    shown = execute([WFCTL, "help", "worker"], "/").stdout
    options = set(re.findall(r"(--[a-z-]+)", shown)) - {"--db", "--help"}
    table = set(re.findall(r"--[a-z-]+", "\n".join(re.findall(r"^\| `--.*?\|", text, re.M))))
    need(flags and table == options, "the table lacks %s, and has %s too much",
         sorted(options - table), sorted(table - options))


def code_can_be_parsed(folder):
    """Definitions of other documents are valid; fragments have the syntax of what they are."""
    echo = folder / "echo.json"
    echo.write_text(json.dumps({"document": {"dsl": "1.0.3", "namespace": "docs", "name": "echo",
                                             "version": "1.0.0"}, "do": [{"e": {"set": "${ . }"}}]}))
    for page in pages():
        for block in page.blocks:
            if block.kind != "fence" or block.info not in ("json", "yaml"):
                continue
            path = folder / ("block.%s" % block.info)
            path.write_text(block.text)
            if is_document(block) and page.path in OTHERS:
                execute([WFCTL, "validate", path], folder)
            elif block.info == "json":
                json.loads(block.text)
            elif not is_document(block):
                execute([WFCTL, "run", echo, "--input", "@%s" % path], folder)


def statements_run():
    """Those of docs/*.md that are shown to be pasted."""
    blocks = [b for page in pages() if page.path in OTHERS for b in page.blocks if b.info == "sql"]
    for block in blocks:
        psql(block.text)
    need(blocks, "there are none")


def crontab_runs(folder):
    """The lines of docs/recipes.md, as cron runs them: nothing in the environment but theirs, % unescaped."""
    block = next(b for page in pages() if page.path.name == "recipes.md" for b in page.blocks
                 if b.kind == "indented" and "* * *" in b.text)
    lines = [line.strip() for line in block.text.strip().splitlines()]
    settings = dict(line.split("=", 1) for line in lines[:-1])
    need(set(settings) == {"PATH", "DATABASE_URL"}, "it sets %s", settings)
    settings["DATABASE_URL"] = url_of()
    settings["PATH"] += ":%s" % folder
    (folder / "wfctl").symlink_to(WFCTL)
    command = re.fullmatch(r"(?:\S+ ){5}(.*)", lines[-1])[1].replace("\\%", "%")
    run = execute(["/bin/sh", "-c", command], "/", env=settings).stdout.strip()
    need(json.loads(psql("select input from stepwell.runs where id = '%s'" % run))["day"], "no day")


def what_the_design_cites_exists():
    """cases, broken builds and fuzz targets have a hyphen in their name, or stand behind such words; files stand in the tree"""
    listed = subprocess.run([sys.executable, ROOT / "tests" / "faults" / "run", "--list"], check=True, capture_output=True, text=True).stdout.split()
    known = set(listed) | {path.stem for path in (ROOT / "tests" / "faults" / "seeds").glob("*.patch")}
    cited = 0
    for path in sorted((ROOT / "docs" / "design").glob("*.md")):
        for name in re.findall(r"`([^`\s]+)`", path.read_text()):
            if re.fullmatch(r"[a-z]+(-[a-z]+)+", name):
                need(name in known, "%s: there is no case %s", path.name, name)
                cited += 1
            elif re.match(r"(engine|tests|steps)/", name):
                need((ROOT / name).exists(), "%s: there is no %s", path.name, name)
    need(cited > 50, "only %d cases are cited", cited)


def sizes_are_kept():
    for page in pages():
        limit = 100 if page.path == ROOT / "README.md" else 500
        need(len(page.lines) - 1 <= limit, "%s has %d lines, more than %d", page.name, len(page.lines), limit)


def every_construct_has_a_snippet():
    documents = json.loads(psql("select json_agg(document::json) from stepwell.definition"))
    text = "\n".join("\n".join(page.lines) for page in pages() if page.path in LANGUAGE)
    problems = constructs.missing(documents, text)
    need(not problems, "%s", "\n".join(problems))


def checks(folder):
    return [("links lead somewhere", links_lead_somewhere), ("commands exist", commands_exist),
            ("flags of a worker exist", flags_of_a_worker_exist),
            ("code can be parsed", lambda: code_can_be_parsed(folder)),
            ("statements run", statements_run), ("crontab runs", lambda: crontab_runs(folder)), ("sizes are kept", sizes_are_kept),
            ("what the design cites exists", what_the_design_cites_exists),
            ("every construct has a snippet", every_construct_has_a_snippet)]


def results(names):
    """-> (name, problem or None); the last check looks at what the pages have registered"""
    chosen = [p for p in LANGUAGE if not names or any(n in str(p) for n in names)]
    chosen.sort(key=lambda p: -p.stat().st_size)  # the longest one would be waited for at the end
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        for page in threads.map(read_page, chosen):
            yield from page
    with tempfile.TemporaryDirectory(prefix="docs.") as folder:
        for name, check in checks(pathlib.Path(folder)):
            if not names or any(n in name for n in names):
                yield name, problem_of(check)


def main():
    if "DATABASE_URL" not in os.environ:
        sys.exit("test_docs.py: name an empty database in DATABASE_URL")
    execute([WFCTL, "migrate"], "/")
    sys.exit(report(results(sys.argv[1:])) > 0)


if __name__ == "__main__":
    main()
