#!/usr/bin/env python3
"""Tables of the benchmark's JSON lines.

    table.py [FILE]    the markdown of docs/performance.md, from FILE or standard input"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from goals import GOALS  # noqa: E402


def number(value):
    if value is None:
        return ""
    if value == 0 or abs(value) >= 1000:
        return "{:,.0f}".format(value)
    return "{:,.3g}".format(value)


def quantity(value, unit):
    return (number(value) + {"1/s": "/s", "%": " %", "": ""}.get(unit, " " + unit)).strip()


def row_of(line):
    """Bench, metric, parameters, value, spread, ratio, goal."""
    parameters = ", ".join(name + " " + (str(value) if isinstance(value, str) else number(value))
                           for name, value in line["parameters"].items() if value != "")
    spread = "" if line["repeats"] < 2 else "%s to %s" % (number(line["min"]), number(line["max"]))
    ratio = "%s of %s" % (number(line["ratio"]), line["ratio_of"]) if "ratio" in line else ""
    goal = line.get("goal", "")
    if goal:
        goal += {True: ": met", False: ": NOT MET"}.get(line["met"], ": not measured")
    return [line["bench"], line["metric"].replace("_", " "), parameters,
            quantity(line["value"], line["unit"]), spread, ratio, goal]


def goals_of(lines):
    """Text of each goal, its best figure, whether that meets it; goals without a figure last."""
    rows, unmeasured = [], []
    for goal in GOALS:
        found = [line for line in lines if line.get("goal") == goal.text
                 and line.get(goal.of) is not None]
        if not found:
            unmeasured.append([goal.text, "not measured", ""])
            continue
        best = (max if goal.most is None else min)(found, key=lambda line: line[goal.of])
        unit = best["unit"] if goal.of == "value" else ""
        rows.append([goal.text, quantity(best[goal.of], unit), "met" if best["met"] else "NOT MET"])
    return rows, unmeasured


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in rows)


HEAD = ["bench", "figure", "of", "median", "range", "ratio"]
GOALS_HEAD = ["goal", "best figure", ""]


def as_text(lines):
    figures = [line for line in lines if "metric" in line]
    if not figures:
        return "nothing was measured"
    return "%s\n\n%s" % (aligned([HEAD + ["goal"]] + [row_of(line) for line in figures]),
                         aligned([GOALS_HEAD] + goals_of(lines)[0]))


def markdown(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def as_markdown(lines):
    parts = []
    for session in (line["session"] for line in lines if "session" in line):
        parts.append("%(cpus)d CPUs (%(cpu)s), %(memory_gib)s GiB, Linux %(kernel)s, %(filesystem)s, "
                     "PostgreSQL %(postgres)s; %(wfctl)s at %(commit)s; size %(size)s, medians of "
                     "%(repeat)d. Settings: " % session + ", ".join(
                         "`%s = %s`" % item for item in session["settings"].items()) + ".")
    parts.append(markdown(["Goal", "Best figure", ""], sum(goals_of(lines), [])))
    parts.append(markdown([h.capitalize() for h in HEAD],
                          [row_of(line)[:-1] for line in lines if "metric" in line]))
    return "\n\n".join(parts)


def main():
    source = open(sys.argv[1]) if len(sys.argv) > 1 else sys.stdin
    with source:
        print(as_markdown([json.loads(line) for line in source if line.strip()]))


if __name__ == "__main__":
    main()
