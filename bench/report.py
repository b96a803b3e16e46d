"""Figures: one JSON object a line on standard output as they are measured, kept for the table."""
import json
import statistics
import sys

from goals import goal_of


def rounded(number):
    """Five digits; whole numbers stay whole."""
    if number is None or isinstance(number, int):
        return number
    return int(number) if number == int(number) and abs(number) < 1e15 else float("%.5g" % number)


class Report:
    def __init__(self):
        self.lines, self.failures = [], []

    def put(self, line):
        self.lines.append(line)
        print(json.dumps(line), flush=True)

    def figure(self, bench, metric, values, unit, ratios=None, ratio_of=None, **parameters):
        """The median of a figure's values, one a repeat; ratios: the same against a reference."""
        values = [values] if not isinstance(values, (list, tuple)) else list(values)
        middle = statistics.median(values)
        line = {"bench": bench, "metric": metric, "value": rounded(middle), "unit": unit,
                "min": rounded(min(values)), "max": rounded(max(values)),
                "spread": rounded((max(values) - min(values)) / middle) if middle else 0,
                "repeats": len(values), "parameters": parameters}
        if ratios:
            line.update(ratio=rounded(statistics.median(ratios)), ratio_of=ratio_of)
        goal = goal_of(line)
        if goal:
            line.update(goal=goal.text, met=goal.is_met(line))
        self.put(line)

    def failed(self, bench, text):
        self.failures.append("%s: %s" % (bench, text))
        self.put({"bench": bench, "error": text})

    def say(self, text):
        print(text, file=sys.stderr, flush=True)
