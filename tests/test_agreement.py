#!/usr/bin/env python3
"""wfctl validate against the official schema: it takes what the schema takes and refuses what the schema refuses.

    test_agreement.py [--count N] [--seed TEXT] [--judge COMMAND]

Mutated examples (mutation.py) are judged by both. The schema and the examples lie beside the project (../shared/openworkflow); without
them there is nothing to compare. The judge is schema_judge, which stands beside the program in WFCTL; any other program that takes the
schema as its argument and answers "true" or "false" for each line of its input will do. Prints TAP lines."""
import argparse
import json
import os
import pathlib
import random
import shlex
import subprocess
import sys
import tempfile

from mutation import Mutator

ROOT = pathlib.Path(__file__).resolve().parent.parent
WFCTL = os.environ.get("WFCTL", str(ROOT / "build-test" / "wfctl"))
BATCH = 100  # files in one call
SHOWN = 20


def verdicts_of_schema(judge, documents):
    text = "".join(json.dumps(d) + "\n" for d in documents)
    done = subprocess.run(judge, input=text, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return [line.startswith("true") for line in done.stdout.splitlines()]


def validate(paths):
    """-> (exit code, what stderr says, the objects printed)"""
    done = subprocess.run([WFCTL, "validate", "-o", "jsonl", *map(str, paths)], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=600)
    lines = done.stdout.decode(errors="replace").split("\n")[:-1]
    return done.returncode, done.stderr.decode(errors="replace"), [json.loads(line) for line in lines]


def verdicts_of_wfctl(folder, texts):
    """-> (the objects printed, in order; problems)"""
    paths, verdicts, problems = [], [], []
    for number, text in enumerate(texts):
        paths.append(folder / ("%05d.json" % number))
        paths[-1].write_bytes(text)
    for start in range(0, len(paths), BATCH):
        batch = paths[start:start + BATCH]
        code, stderr, printed = validate(batch)
        expected = 0 if all(p["valid"] for p in printed) else 6
        if code != expected or len(printed) != len(batch):
            problems.append("exit %s, %d of %d files judged\n%s" % (code, len(printed), len(batch), stderr))
        verdicts += printed + [None] * (len(batch) - len(printed))
    return verdicts, problems


def said(verdict):
    return "\n".join("%(pointer)s: %(text)s" % f for f in verdict["findings"])


def agreement(options, folder):
    examples = [json.loads(p.read_text()) for p in sorted((options.specification / "examples").glob("*.json"))]
    schema = options.specification / "workflow.schema.json"
    mutator = Mutator(random.Random(options.seed), examples, json.loads(schema.read_text()))
    documents = [mutator.document() for _ in range(options.count)]
    judge = shlex.split(options.judge or os.path.join(os.path.dirname(WFCTL), "schema_judge"))
    expected = verdicts_of_schema([*judge, str(schema)], documents)
    verdicts, problems = verdicts_of_wfctl(folder, [json.dumps(d).encode() for d in documents])
    agreed = 0
    for document, valid, verdict in zip(documents, expected, verdicts):
        if verdict and verdict["valid"] == valid:
            agreed += 1
        elif len(problems) < SHOWN:
            problems.append("the schema %s %s\n%s" % ("takes" if valid else "refuses", json.dumps(document),
                                                      said(verdict) if verdict else "no answer"))
    print("# %d of %d mutated documents judged alike, %d of them valid" % (agreed, len(documents), sum(expected)))
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", default="agreement")
    parser.add_argument("--judge")
    parser.add_argument("--specification", type=pathlib.Path, default=ROOT.parent / "shared" / "openworkflow")
    options = parser.parse_args()
    if not options.specification.exists():
        print("ok 1 - skipped, %s is not there" % options.specification)
        return
    failed = 0
    print("# seed: %s" % options.seed)
    for number, case in enumerate((agreement,), 1):
        with tempfile.TemporaryDirectory(prefix="agreement.") as folder:
            problems = case(options, pathlib.Path(folder))
        failed += len(problems)
        print("%s %d - %s" % ("not ok" if problems else "ok", number, case.__name__.replace("_", " ")))
        for line in "\n".join(problems).splitlines():
            print("#   " + line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
