#!/usr/bin/env python3
"""Schemas of the data flow, where a flow of tests/language cannot show it: at the door of the
command line and of SQL, and when what was refused is retried.

    test_data_schema.py [NAME...]    only the cases with NAME in their name

Finds the program in WFCTL and an empty database in DATABASE_URL. Prints TAP lines."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
sys.path.insert(0, str(ROOT / "tests" / "faults"))
from recorder import Recorder  # noqa: E402

NUMBER = {"schema": {"document": {"required": ["n"], "properties": {"n": {"type": "number"}}}}}
NOTHING = {"schema": {"document": False}}


class World:
    def __init__(self, name, folder, recorder):
        self.name, self.folder, self.recorder = name, pathlib.Path(folder), recorder

    def wfctl(self, *words, expect=0):
        done = subprocess.run([WFCTL, *map(str, words)], capture_output=True, text=True,
                              cwd=self.folder, timeout=300, stdin=subprocess.DEVNULL)
        assert done.returncode == expect, "wfctl %s: exit %s, not %s\n%s%s" % (
            words, done.returncode, expect, done.stdout, done.stderr)
        return done

    def sql(self, statement):
        return subprocess.run(
            ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", os.environ["DATABASE_URL"], "-c",
             statement], check=True, capture_output=True, text=True).stdout.strip()

    def runs(self):
        return self.sql("select count(*) from stepwell.runs where name = '%s'" % self.name)

    def definition(self, **members):
        path = self.folder / "wf.json"
        path.write_text(json.dumps(dict({
            "document": {"dsl": "1.0.3", "namespace": "schema", "name": self.name,
                         "version": "1.0.0"}}, **members)))
        return path

    def run(self, what, *words, expect=0):
        return json.loads(self.wfctl("run", what, "-o", "json", *words, expect=expect).stdout)

    def post(self, **members):
        """A task whose effect happens, and whose output is refused."""
        return dict({"call": "http", "with": {
            "method": "post", "body": {}, "endpoint": "%s/nodedupe/%s" % (
                self.recorder.url, self.name)}, "output": NOTHING}, **members)

    def sent(self):
        return len([r for r in self.recorder.records()
                    if r["path"] == "/nodedupe/" + self.name])


def the_door_refuses_and_uses_up_no_key(w):
    path = w.definition(input=NUMBER, do=[{"a": {"set": {"x": "${ .n }"}}}])
    for verb in "start", "run":
        done = w.wfctl(verb, path, "--key", "k", "--input", '{"n": "x"}', expect=6)
        assert '--input: the input does not fit its schema: /n: type: "x" is not number' \
            in done.stderr, done.stderr
    w.wfctl("start", "schema/" + w.name, expect=3)  # nothing was registered
    w.wfctl("apply", path)
    for verb in "start", "run":
        done = w.wfctl(verb, "schema/" + w.name, "--key", "k", "--input", "{}", expect=6)
        assert '"n" is missing' in done.stderr, done.stderr
    assert w.runs() == "0", w.runs()
    run = w.run("schema/" + w.name, "--key", "k", "--input", '{"n": 1.50}')
    assert '"output":{"x":1.5' in json.dumps(run, separators=(",", ":")), run


def a_start_by_sql_is_refused_by_its_first_owner(w):
    w.wfctl("apply", w.definition(input=dict(NUMBER, **{"from": ".n"}), do=[
        {"a": {"set": {"x": "${ . }"}}}]))
    run = w.sql("select stepwell.start('schema/%s', '{\"n\": \"x\"}', 'k')" % w.name)
    w.wfctl("worker", "--until-idle")
    status = json.loads(w.wfctl("status", run, "-o", "json").stdout)
    assert status["status"] == "faulted" and status["steps"] == [], status
    assert status["error"] == {
        "type": "https://open-workflow-specification.org/spec/1.0.0/errors/validation",
        "status": 400, "title": "Validation error", "instance": "",
        "detail": 'the input does not fit its schema: /n: type: "x" is not number'}, status
    w.wfctl("retry", run)  # it is the same input still
    w.wfctl("worker", "--until-idle")
    again = json.loads(w.wfctl("status", run, "-o", "json").stdout)
    assert again["error"] == status["error"], again


def a_child_with_a_wrong_input_fails_the_task_that_starts_it(w):
    parent = w.name
    w.name += "-c"
    w.wfctl("apply", w.definition(input=NUMBER, do=[{"a": {"set": {"x": 1}}}]))
    child, w.name = w.name, parent
    run = w.run(w.definition(do=[{"guard": {"try": [{"a": {"run": {"workflow": {
        "namespace": "schema", "name": child, "version": "1.0.0", "input": {"n": None}}}}}],
        "catch": {"errors": {"with": {"status": 400}}, "do": [
            {"b": {"set": {"detail": "${ $error.detail }"}}}]}}}]))
    assert "/n: type: null is not number" in run["output"]["detail"], run


def a_retry_checks_again_and_does_nothing_twice(w):
    """A task is refused on the way in: its effect has never happened."""
    run = w.run(w.definition(do=[
        {"first": w.post(output={})},
        {"a": w.post(input=NOTHING)}]), expect=10)
    assert [s["status"] for s in run["steps"]] == ["completed", "faulted"], run
    w.wfctl("retry", run["id"])
    w.wfctl("worker", "--until-idle")
    status = json.loads(w.wfctl("status", run["id"], "-o", "json").stdout)
    assert status["status"] == "faulted" and w.sent() == 1, (status, w.sent())


def a_retry_of_a_block_that_is_refused_sends_nothing_again(w):
    run = w.run(w.definition(do=[{"block": {
        "do": [{"a": w.post(output={})}], "output": NOTHING}}]), expect=10)
    w.wfctl("retry", run["id"])
    w.wfctl("worker", "--until-idle")
    assert w.sent() == 1, w.sent()


def a_retry_of_a_refused_output_sends_the_same_request_again(w):
    run = w.run(w.definition(do=[{"a": w.post()}]), expect=10)
    plan, = json.loads(w.wfctl("retry", run["id"], "--dry-run", "-o", "json").stdout)
    assert [s["action"] for s in plan["steps"]] == ["resend"], plan
    w.wfctl("retry", run["id"])
    w.wfctl("worker", "--until-idle")
    keys = {r["key"] for r in w.recorder.records() if r["path"] == "/nodedupe/" + w.name}
    assert w.sent() == 2 and keys == {run["steps"][0]["stepId"]}, w.recorder.records()


def a_refused_output_is_not_sent_again_after_its_key_window(w):
    run = w.run(w.definition(do=[{"a": w.post(metadata={"keyWindow": "PT0S"})}]), expect=10)
    done = w.wfctl("retry", run["id"], expect=5)
    assert "may have been done" in done.stderr and w.sent() == 1, done.stderr
    w.wfctl("retry", run["id"], "--force")
    w.wfctl("worker", "--until-idle")
    assert w.sent() == 2, w.sent()


def a_refused_output_is_held_where_the_author_says_so(w):
    path = w.definition(do=[{"guard": {
        "try": [{"a": w.post(metadata={"onUncertain": "hold"})}], "catch": {}}}])
    done = w.wfctl("run", path, expect=8)
    assert "took effect, but its output was refused" in done.stderr and w.sent() == 1, done.stderr
    history = w.wfctl("history", "@last").stdout
    assert "uncertain" in history, history


CASES = [the_door_refuses_and_uses_up_no_key, a_start_by_sql_is_refused_by_its_first_owner,
         a_child_with_a_wrong_input_fails_the_task_that_starts_it,
         a_retry_checks_again_and_does_nothing_twice,
         a_retry_of_a_block_that_is_refused_sends_nothing_again,
         a_retry_of_a_refused_output_sends_the_same_request_again,
         a_refused_output_is_not_sent_again_after_its_key_window,
         a_refused_output_is_held_where_the_author_says_so]


def main():
    if "DATABASE_URL" not in os.environ:
        sys.exit("test_data_schema.py: name an empty database in DATABASE_URL")
    subprocess.run([WFCTL, "migrate"], check=True, stdout=subprocess.DEVNULL)
    failed = 0
    recorder = Recorder().start()
    cases = [c for c in CASES if not sys.argv[1:] or any(n in c.__name__ for n in sys.argv[1:])]
    for number, case in enumerate(cases, 1):
        name = case.__name__.replace("_", "-")
        with tempfile.TemporaryDirectory(prefix="schema.") as folder:
            try:
                case(World("case-%d" % number, folder, recorder))
                print("ok %d - %s" % (number, name), flush=True)
            except (AssertionError, subprocess.SubprocessError) as error:
                failed += 1
                print("not ok %d - %s" % (number, name))
                print("# " + (str(error) or traceback.format_exc()).replace("\n", "\n# "),
                      flush=True)
    recorder.stop()
    print("1..%d" % len(cases))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
