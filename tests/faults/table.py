#!/usr/bin/env python3
"""Tables of what tests/faults/run --json wrote.

    table.py FILE...    the markdown of docs/reliability.md: every row with the sum of what the files have"""
import json
import sys

from catalogue import ROWS

SUMS = ("injected", "landed", "checked", "violations", "failed")


def add_up(files):
    """-> the sums by row number, the commands, what was not run."""
    rows, commands, missing = {}, [], {}
    for name in files:
        with open(name) as lines:
            done = json.load(lines)
        commands.append(" ".join(["--size", done["size"], "--seed", str(done["seed"]), *done["names"]]))
        for line in done["rows"]:
            row = rows.setdefault(line["row"], dict.fromkeys(SUMS, 0))
            for sum_ in SUMS:
                row[sum_] += line[sum_]
            if line["missing"]:
                missing[line["row"]] = line["missing"]
    return rows, commands, missing


def main(files):
    rows, commands, missing = add_up(files)
    print("| Row | Fault | Invariants | Injected | Landed | Checked | Violations |\n"
          "| ---: | --- | --- | ---: | ---: | ---: | ---: |")
    for row in ROWS.values():
        done = rows.get(row.number)
        if done:
            print("| %d | %s | %s | %s | %s | %s | %s |" % (
                row.number, row.title + (" (not: %s)" % missing[row.number] if row.number in missing else ""),
                row.invariants, *("{:,}".format(done[sum_]) for sum_ in SUMS[:3]),
                "%d, FAILED" % done["violations"] if done["failed"] else done["violations"]))
        elif row.later:
            print("| %d | %s | | | | | %s |" % (row.number, row.title, row.later))
    print("\n" + "\n".join("    tests/faults/run " + command for command in commands))


if __name__ == "__main__":
    main(sys.argv[1:])
