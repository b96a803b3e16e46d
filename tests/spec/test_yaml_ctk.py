#!/usr/bin/env python3
"""The definitions of the conformance test kit, as they stand in its YAML, become those of ctk.json.
The kit lies beside the project (../shared/openworkflow); without it there is nothing to compare.

A YAML text is read as the input of a run that returns it."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
KIT = ROOT.parent / "shared" / "openworkflow"
WFCTL = os.environ.get("WFCTL", str(ROOT / "build" / "wfctl"))
ECHO = {"document": {"dsl": "1.0.3", "namespace": "yaml", "name": "echo", "version": "1.0.0"},
        "do": [{"echo": {"set": "${ . }"}}]}


def definitions(text):
    """-> (scenario, YAML) of a .feature file"""
    for scenario in re.split(r"^\s*Scenario:\s*", text, flags=re.M)[1:]:
        found = re.search(r'^( *)"""yaml\n(.*?)^ *"""', scenario, re.M | re.S)
        if found:
            indent = len(found.group(1))
            yield scenario.splitlines()[0].strip(), "".join(
                line[indent:] or "\n" for line in found.group(2).splitlines(True))


def wfctl(*arguments):
    return subprocess.run([WFCTL, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=300)


def difference(folder, yaml, expected):
    (folder / "given.yaml").write_text(yaml)
    done = wfctl("run", str(folder / "echo.json"), "--input", "@%s" % (folder / "given.yaml"),
                 "-o", "json")
    if done.returncode:
        return done.stderr.strip()
    got = json.loads(done.stdout)["output"]
    return None if got == expected else "%s, not %s" % (json.dumps(got), json.dumps(expected))


def cases(folder):
    """-> (name, problem or None)"""
    kit = {(c["feature"], c["scenario"]): c["definition"]
           for c in json.loads((KIT / "ctk.json").read_text())}
    (folder / "echo.json").write_text(json.dumps(ECHO))
    for path in sorted((KIT / "ctk").glob("*.feature")):
        for scenario, yaml in definitions(path.read_text()):
            expected = kit.pop((path.stem, scenario))
            yield "%s: %s" % (path.stem, scenario), difference(folder, yaml, expected)
    yield "all of the kit", "not found: %s" % sorted(kit) if kit else None


def main():
    if not (KIT / "ctk").exists():
        print("ok 1 - skipped, %s is not there" % KIT)
        return
    failed = 0
    subprocess.run([WFCTL, "migrate"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="yaml.") as folder:
        for number, (name, problem) in enumerate(cases(pathlib.Path(folder)), 1):
            print("%s %d - %s" % ("not ok" if problem else "ok", number, name))
            for line in (problem or "").splitlines():
                failed += 1
                print("#   " + line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
