#!/usr/bin/env python3
"""wfctl validate --spec against the official schema: it takes what the schema takes and refuses what the schema refuses, in JSON and in YAML;
and no bytes whatever bring it down.

    test_agreement.py [--count N] [--seed TEXT] [--judge COMMAND] [--specification FOLDER]

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

from mutation import Mutator, dump, mutated_bytes, to_yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
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
    done = subprocess.run([WFCTL, "validate", "--spec", "-o", "jsonl", *map(str, paths)], capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=600)
    lines = done.stdout.decode(errors="replace").split("\n")[:-1]
    return done.returncode, done.stderr.decode(errors="replace"), [json.loads(line) for line in lines]


def verdicts_of_wfctl(folder, texts, ending="json"):
    """-> (the objects printed, in order; problems)"""
    paths, verdicts, problems = [], [], []
    for number, text in enumerate(texts):
        paths.append(folder / ("%05d.%s" % (number, ending)))
        paths[-1].write_bytes(text)
    for start in range(0, len(paths), BATCH):
        batch = paths[start:start + BATCH]
        code, stderr, printed = validate(batch)
        expected = 0 if all(p["valid"] for p in printed) else 6
        if code != expected or len(printed) != len(batch):
            problems.append("exit %s, %d of %d files judged; then %s\n%s" % (
                code, len(printed), len(batch), batch[min(len(printed), BATCH - 1)].read_bytes(), stderr))
        verdicts += printed + [None] * (len(batch) - len(printed))
    return verdicts, problems


def said(verdict):
    return [(f["class"], f["pointer"], f["text"]) for f in verdict["findings"]] if verdict else "no answer"


class Agreement:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.schema = options.specification / "workflow.schema.json"
        paths = sorted((options.specification / "examples").glob("*.json"))
        self.examples = [json.loads(p.read_text()) for p in paths]

    def documents(self, count):
        mutator = Mutator(random.Random(self.options.seed), self.examples, json.loads(self.schema.read_text()))
        return [mutator.document() for _ in range(count)]

    def examples_are_valid(self):
        verdicts, problems = verdicts_of_wfctl(self.folder, [json.dumps(e).encode() for e in self.examples])
        return problems + ["%s" % said(v) for v in verdicts if not v or not v["valid"]]

    def validate_agrees_with_the_schema(self):
        documents = self.documents(self.options.count)
        judge = shlex.split(self.options.judge or os.path.join(os.path.dirname(WFCTL), "schema_judge"))
        expected = verdicts_of_schema([*judge, str(self.schema)], documents)
        verdicts, problems = verdicts_of_wfctl(self.folder, [json.dumps(d).encode() for d in documents])
        agreed = 0
        for document, valid, verdict in zip(documents, expected, verdicts):
            if verdict and verdict["valid"] == valid:
                agreed += 1
            elif len(problems) < SHOWN:
                problems.append("the schema %s %s\n%s" % ("takes" if valid else "refuses", json.dumps(document), said(verdict)))
        print("# %d of %d mutated documents judged alike, %d of them valid" % (agreed, len(documents), sum(expected)))
        return problems

    def yaml_is_judged_like_json(self):
        """The same findings, at the same keys and values."""
        documents = self.documents(self.options.count // 3)
        json_texts = [dump(d).encode() for d in documents]
        yaml_texts = [to_yaml(d).encode() for d in documents]
        one, problems = verdicts_of_wfctl(self.folder, json_texts)
        two, more = verdicts_of_wfctl(self.folder, yaml_texts, "yaml")
        problems += more
        for a, b, json_text, yaml_text in zip(one, two, json_texts, yaml_texts):
            if said(a) != said(b):
                problems.append("%s\nJSON: %s\nYAML: %s" % (json_text.decode(), said(a), said(b)))
                continue
            lines = yaml_text.decode().split("\n")
            for f, g in zip(a["findings"], b["findings"]):
                at = json_text.decode()[f["column"] - 1:][:1]
                if at not in "{[}" and lines[g["line"] - 1][g["column"] - 1:][:1] != at:
                    problems.append("%s\n%s is at %s:%s of the YAML" % (json_text.decode(), f, g["line"], g["column"]))
        return problems[:SHOWN]

    def bytes_at_random_are_judged(self):
        """Exit 0 or 6, whatever the file holds."""
        chance = random.Random(self.options.seed)
        texts = [json.dumps(e, indent=1).encode() for e in self.examples]
        yaml = [to_yaml(e).encode() for e in self.examples]
        half = self.options.count * 2 // 3
        problems = verdicts_of_wfctl(self.folder, [mutated_bytes(chance, chance.choice(texts)) for _ in range(half)])[1]
        return problems + verdicts_of_wfctl(self.folder, [mutated_bytes(chance, chance.choice(yaml)) for _ in range(half)],
                                            "yaml")[1]


CASES = [Agreement.examples_are_valid, Agreement.validate_agrees_with_the_schema, Agreement.yaml_is_judged_like_json,
         Agreement.bytes_at_random_are_judged]


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
    for number, case in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory(prefix="agreement.") as folder:
            problems = case(Agreement(options, pathlib.Path(folder)))
        failed += len(problems)
        print("%s %d - %s" % ("not ok" if problems else "ok", number, case.__name__.replace("_", " ")))
        for line in "\n".join(problems).splitlines():
            print("#   " + line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
