#!/usr/bin/env python3
"""Runs the conformance test kit of the Open Workflow Specification. It lies beside the project (../shared/openworkflow/ctk.json), not in it.

    ctk.py [--wfctl PATH] [--db CONNINFO] [NAME...]

The public services that the scenarios call are replaced by the recorder's stand-ins.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
KIT = ROOT.parent / "shared" / "openworkflow" / "ctk.json"
sys.path.insert(0, str(ROOT / "tests" / "language"))
from run import difference, parse, run_all  # noqa: E402


def find(value, path):
    """-> (found, value) of a dotted path."""
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return False, None
        value = value[part]
    return True, value


def order_problem(assertion, steps):
    names = [step["name"] for step in steps if step["status"] != "skipped"]
    task = assertion["task"]
    if task not in names:
        return "task %s did not run" % task
    if assertion.get("runs") == "first" and names[0] != task:
        return "%s ran first, not %s" % (names[0], task)
    if assertion.get("runs") == "last" and names[-1] != task:
        return "%s ran last, not %s" % (names[-1], task)
    if "after" in assertion and names.index(task) <= names.index(assertion["after"]):
        return "%s did not run after %s" % (task, assertion["after"])
    return None


def problem_of(assertion, run):
    if "status" in assertion:
        return difference(assertion["status"], run["status"], "status")
    if "task" in assertion:
        return order_problem(assertion, run["steps"])
    if "error" in assertion:
        return difference(dict(assertion["error"], **{"...": True}), run["error"], "error")
    if "output" in assertion:
        return difference(assertion["output"], run["output"])
    if "outputHas" in assertion:
        missing = [p for p in assertion["outputHas"] if not find(run["output"], p)[0]]
        return "output has no %s" % ", ".join(missing) if missing else None
    if "outputProperty" in assertion:
        found, value = find(run["output"], assertion["outputProperty"])
        if not found:
            return "output has no %s" % assertion["outputProperty"]
        if "items" in assertion:
            return difference(assertion["items"], len(value), "items")
        return difference(assertion["equals"], value, assertion["outputProperty"])
    return "an assertion of unknown kind: %s" % json.dumps(assertion)


def run_scenario(runner, name, scenario):
    recorder = runner.recorder()
    recorder.reset()
    text = json.dumps(scenario["definition"])
    text = text.replace("https://petstore.swagger.io", recorder.url + "/petstore")
    text = text.replace("https://httpbin.org", recorder.url + "/httpbin")
    document = json.loads(text)
    # Two scenarios have one name, and the endpoint changes: a version of its own for each.
    document["document"] = dict(document["document"], name=name, version=runner.version)
    given = json.dumps(scenario["input"]) if "input" in scenario else None
    code, out, err, _ = runner.run(name, document, given)
    if code not in (0, 10):
        return "exit %s\n%s" % (code, (out + err).strip())
    run = parse(out)
    for assertion in scenario["assertions"]:
        problem = problem_of(assertion, run)
        if problem:
            return "%s\n%s" % (problem, out.strip()[:3000])
    return None


def main():
    if not KIT.exists():
        print("# skipped: %s is not there" % KIT)
        return
    scenarios = json.loads(KIT.read_text())

    def collect(runner):
        for number, scenario in enumerate(scenarios, 1):
            name = "ctk-%d" % number
            yield ("ctk %s: %s" % (scenario["feature"], scenario["scenario"]),
                   lambda name=name, scenario=scenario: run_scenario(runner, name, scenario))
    run_all(__doc__.split("\n\n")[0], collect)


if __name__ == "__main__":
    main()
