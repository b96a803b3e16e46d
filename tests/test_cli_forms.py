#!/usr/bin/env python3
"""The forms of what commands print: JSON as one value, or as lines.

    test_cli_forms.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import json

from cli_world import main
from harness import check


def forms(w):
    """json is one value: an array of every command that may speak of several things, also for one and for none; jsonl
    has the same objects, one a line"""
    path = w.file("f", [{"a": {"set": {"x": 1}}}])
    boom = w.file("b", [{"boom": {"raise": {"error": {"type": "https://example.com/b", "status": 500}}}}])
    w.expect(0, "apply", path, boom)
    check(w.expect(0, "list", "-o", "json").json == [], "no array of nothing")
    check(w.expect(0, "list", "-o", "jsonl").out == "", "a line of nothing")
    run, waiting = w.expect(0, "start", "cli/b").id, w.expect(0, "start", "cli/f", "--delay", "1h").id
    w.expect(0, "run", path)
    w.expect(0, "worker", "--poll", "50ms", "--until-idle")
    for words in (["list"], ["list", "--limit", "1"], ["history", run], ["workflows"], ["apply", path], ["apply", path, boom],
                  ["apply", "--function", "f:1.0.0", w.text("g.json", '{"set": {"x": 1}}')],
                  ["validate", path], ["validate", path, boom], ["retry", "-n", run], ["suspend", waiting]):
        array = w.expect(0, *words, "-o", "json").json
        check(isinstance(array, list) and array and all(isinstance(o, dict) for o in array), "%s: %s", words, array)
        if words[0] not in ("apply", "suspend"):  # the second time it is another result
            check(w.expect(0, *words, "-o", "jsonl").lines == array, "%s", words)
    for words in (["status", run], ["status"], ["version"], ["gc", "--older-than", "30d"], ["start", path], ["run", path]):
        value = w.expect(0, *words, "-o", "json").json
        line = w.expect(0, *words, "-o", "jsonl").lines
        check(isinstance(value, dict) and len(line) == 1 and list(line[0]) == list(value), "%s: %s", words, value)
    broken = w.text("broken.json", "{")
    array = w.expect(6, "validate", path, broken, "-o", "json").json
    check([o["valid"] for o in array] == [True, False], "%s", array)
    array = json.loads(w.expect(3, "cancel", waiting, "ffffffffffff", "-o", "json").out)
    check([o["id"] for o in array] == [waiting], "%s", array)


if __name__ == "__main__":
    main([forms])
