"""Numbers and texts arrive as they were given: from the input through steps, endpoints, statements and the
journal to the output and to what wfctl says (row 53). Values are compared as texts, byte by byte."""
import json
import math
import struct

from catalogue import case
from harness import check, records_of, some
from judges import all_completed, complete, journal_is_whole

TEXT = "abcXYZ019 /\\\"\b\f\n\r\t\x00\x01\x1f\x7f\x80\u00e9\u0301\u2028\u20ac\ufeff\uffff\U0001f600\U0010ffff'$%{}[]<>&;"


def integer(chance):
    edge = chance.choice((0, 1, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64, 10 ** 18, 10 ** chance.randrange(60)))
    return "%s%d" % (chance.choice(("", "-")), abs(edge + chance.randint(-2, 2)))


def decimal(chance):
    whole = "0" if chance.random() < 0.4 else str(chance.randint(1, 10 ** chance.randrange(1, 30)))
    part = "." + "".join(chance.choices("0123456789", k=chance.randrange(1, 30))) if chance.random() < 0.8 else ""
    power = "%s%s%d" % (chance.choice("eE"), chance.choice(("", "+", "-")), chance.randrange(0, 400)) if chance.random() < 0.4 else ""
    return chance.choice(("", "-")) + whole + part + power


def double(chance):
    while True:
        value = struct.unpack("d", struct.pack("Q", chance.getrandbits(64)))[0]
        if math.isfinite(value):
            return repr(value)


def written(chance, char):
    """One of the ways to write a character; some must be escaped."""
    short = {"\"": "\\\"", "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    units = char.encode("utf-16-be")
    long = "".join("\\u" + ("%02x%02x" % pair if chance.random() < 0.5 else "%02X%02X" % pair)
                   for pair in zip(units[::2], units[1::2]))
    ways = [long] + ([short[char]] if char in short else []) + ([char] if char >= " " and char not in "\"\\" else [])
    ways += ["\\/"] if char == "/" else []
    return chance.choice(ways)


def text(chance):
    chars = chance.choices(TEXT, k=chance.randrange(0, 20))
    chars += [chr(chance.choice((chance.randrange(0x20, 0xd800), chance.randrange(0xe000, 0x110000)))) for _ in range(chance.randrange(3))]
    return '"%s"' % "".join(written(chance, c) for c in chars)


def value(chance, depth=0):
    """The text of a JSON value; its members stand in random order, and blanks anywhere."""
    kind = chance.random()
    space = chance.choice(("", "", "", " ", "\n\t"))
    if depth < 4 and kind < 0.12:
        keys = {json.loads(k): k for k in (text(chance) for _ in range(chance.randrange(5)))}.values()
        return "{" + ",".join(space + k + space + ":" + value(chance, depth + 1) for k in keys) + space + "}"
    if depth < 4 and kind < 0.22:
        return "[" + ",".join(space + value(chance, depth + 1) for _ in range(chance.randrange(5))) + space + "]"
    if kind < 0.28:
        return chance.choice(("null", "true", "false"))
    return chance.choice((integer, decimal, double, text, text))(chance)


def start(db, name, inputs):
    """By SQL, as they are; their ids."""
    ids = []
    for first in range(0, len(inputs), 200):
        ids += db.psql("\n".join("select stepwell.start('crash/%s', $inputs$%s$inputs$::json);" % (name, given)
                                 for given in inputs[first:first + 200])).split()
    return ids


def column(db, what, runs):
    """A column of stepwell.runs, by id, as it is written."""
    lines = db.psql("select id || ' ' || encode(convert_to(%s::text, 'UTF8'), 'hex') from stepwell.runs where name = '%s'" % (what, runs))
    return {line.split(" ")[0]: bytes.fromhex(line.split(" ")[1]).decode() for line in lines.splitlines()}


@case(53)
def values_arrive(world):
    """input -> set -> endpoint -> loop -> $context -> $steps -> output: the very text."""
    db, url, each = world.db, world.recorder.url, 100
    count = world.size(2000, 100000, 1000000) // each
    db.apply("carry", [
        {"keep": {"set": {"v": "${ .v }", "n": 1}, "export": {"as": "${ { kept: .v } }"}}},
        {"send": {"call": "http", "with": {"method": "post", "endpoint": url + "/echo/x", "body": {"a": "${ .v }", "b": "${ $context.kept }"}}}},
        {"pass": {"for": {"each": "x", "in": "${ [1, 2] }"}, "do": [{"inner": {"set": "${ $input }"}}]}},
        {"nap": {"wait": {"milliseconds": 1}}},
        {"out": {"set": {"sent": "${ .a }", "context": "${ $context.kept }", "step": "${ $steps.keep.v }", "input": "${ $workflow.input.v }"}}}])
    values = ["[%s]" % ",".join(value(world.random) for _ in range(each)) for _ in range(count)]
    world.plan("%d values, the first: %s", count * each, values[0][:200])
    ids = start(db, "carry", ['{"v":%s}' % v for v in values])
    with world.pool(2) as pool:
        db.wait_idle(world.size(60, 600, 3600))
        check(not pool.replace_dead(), "I8: workers ended")
    all_completed(db, count)
    journal_is_whole(db)
    inputs, outputs = column(db, "input", "carry"), column(db, "output", "carry")
    changed = []
    for run, v in zip(ids, values):
        wanted = '{"sent":%s,"context":%s,"step":%s,"input":%s}' % (v, v, v, v)
        if inputs[run] != '{"v":%s}' % v or outputs[run] != wanted:
            changed.append((run, v[:80], outputs[run][:80]))
    check(not changed, "I4: changed: %s", some(changed))
    sent = records_of(world.recorder)
    check(sum(map(len, sent.values())) == count, "I4: %d requests of %d runs", sum(map(len, sent.values())), count)
    for run, v in world.random.sample(list(zip(ids, values)), min(count, 3)):
        shown = db.cli("status", run, "-o", "json", expect=0)[1]
        # One line: a line break between values becomes a blank.
        check('"output":{"sent":%s,' % v.replace("\n", " ") in shown, "I4: status says otherwise of run %s", run)
    world.inject(count * each)
    world.land(count * each)
    world.checked(4 * count * each)


@case(53)
def values_computed(world):
    """What goes through jq stays the same number: doubles and integers up to 2^53, and the same text."""
    db, each = world.db, 100
    count = world.size(500, 20000, 200000) // each
    db.apply("compute", [{"go": {"set": "${ [.v[] | [.][0]] }"}}])

    def known(chance):
        return chance.choice((lambda: str(chance.randint(-2 ** 53, 2 ** 53)), lambda: double(chance), lambda: text(chance)))()
    values = ["[%s]" % ",".join(known(world.random) for _ in range(each)) for _ in range(count)]
    world.plan("%d values, the first: %s", count * each, values[0][:200])
    ids = start(db, "compute", ['{"v":%s}' % v for v in values])
    worker = world.worker()
    complete(world, count, world.size(60, 300, 600))
    check(worker.alive(), "I8: the worker has ended")
    outputs = column(db, "output", "compute")
    changed = [(a, b) for run, v in zip(ids, values)
               for a, b in zip(json.loads(v, parse_int=float), json.loads(outputs[run], parse_int=float)) if a != b]
    check(not changed and all(len(json.loads(outputs[run])) == each for run in ids), "I4: changed: %s", some(changed))
    world.inject(count * each)
    world.land(count * each)
    world.checked(count * each)


@case(53)
def values_by_statement(world):
    """Through `call: sql`: numbers, texts and json come back as they were sent."""
    db, each = world.db, 50
    count = world.size(1000, 20000, 200000) // each
    statement = ("select json_agg(json_build_object('n', n, 't', t, 'j', j) order by o) as all from (select o, (e ->> 'n')::numeric::text::json as n, "
                 "e ->> 't' as t, e -> 'j' as j from json_array_elements($1::json) with ordinality as x(e, o)) y")
    db.apply("ask", [{"go": {"call": "sql", "with": {"statement": statement, "parameters": ["${ .v }"], "output": "value"}}}])
    chance, values = world.random, []

    def plain():
        """A text without \\u0000, which Postgres has not."""
        return "".join(c for c in chance.choices(TEXT, k=chance.randrange(0, 20)) if c != "\0")
    for _ in range(count):
        values.append([(integer(chance).replace("-0", "0"), plain(), value(chance).replace("\\u0000", "\\u0001")) for _ in range(each)])
    ids = start(db, "ask", ['{"v":[%s]}' % ",".join('{"n":%s,"t":%s,"j":%s}' % (n, json.dumps(t), j) for n, t, j in v) for v in values])
    worker = world.worker()
    complete(world, count, world.size(60, 300, 600))
    check(worker.alive(), "I8: the worker has ended")
    outputs = column(db, "output", "ask")
    for run, v in zip(ids, values):
        got = json.loads(outputs[run], parse_int=str, parse_float=str)
        for (n, t, j), row in zip(v, got):
            check(row["n"] == n and row["t"] == t and row["j"] == json.loads(j, parse_int=str, parse_float=str),
                  "I4: run %s: %s, %r, %s came back as %s", run, n, t, j[:80], row)
        check(len(got) == each, "I4: run %s: %d rows", run, len(got))
    world.inject(count * each)
    world.land(count * each)
    world.checked(3 * count * each)
