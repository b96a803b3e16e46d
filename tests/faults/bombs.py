"""What anybody may send that is small and costs much, by who sends it: what `row 70` throws at a worker."""
import gzip
import itertools
import json
import string

ONE = {"set": {"a": 1}}
CLOSED = "http://127.0.0.1:1"


def header_lines(count):
    names = itertools.islice(itertools.product(string.ascii_lowercase, repeat=3), count)
    return b"".join(b"%s:\r\n" % "".join(name).encode() for name in names)


def chunked(size, count, trailers):
    """A body in chunks, with an extension each, and trailers."""
    return b"".join(b"%x;%s\r\n%s\r\n" % (size, b"e" * 100, b"1" * size) for _ in range(count)) + b"0\r\n" + trailers + b"\r\n"


# name -> header lines, body; without a Content-Length where it is said to be chunked.
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ANSWERS = {
    "headers": (header_lines(12800), b"{}"), "most-headers": (header_lines(190), b"{}"),
    "folded": (b"X: a\r\n" + b" a\r\n" * 15000, b"{}"), "long": (b"".join(b"X-%d: %s\r\n" % (i, b"v" * 300) for i in range(190)), b"{}"),
    "deep": (b"", b"[" * 400000 + b"]" * 400000), "wide": (b"", b"[" + b"1," * 500000 + b"1]"),
    "members": (b"", b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(60000)) + b"}"),
    "twice": (b"", b"{" + b'"k":1,' * 100000 + b'"k":1}'), "escapes": (b"", b'"' + b"\\u00e9" * 160000 + b'"'),
    "text": (b"Content-Type: text/plain; charset=utf-16\r\n", b"\x00a" * 500000), "bytes": (b"", bytes(range(128, 256)) * 8000)}
MORE_ANSWERS = {
    "one-byte-chunks": (CHUNKED, chunked(1, 5000, b"")), "trailers": (CHUNKED, chunked(4, 1, header_lines(15000))),
    "packed": (b"Content-Encoding: gzip\r\n", gzip.compress(b"0" * (32 << 20))), "line": (b"X: " + b"v" * 95000 + b"\r\n", b"{}"),
    "cookies": (b"".join(b"Set-Cookie: c%d=%d\r\n" % (i, i) for i in range(190)), b"{}"),
    "same-header": (b"".join(b"X: %d\r\n" % i for i in range(190)), b"{}"), "retry-after": (b"Retry-After: " + b"9" * 90000 + b"\r\n", b"{}"),
    "type": (b"Content-Type: application/json" + b";a=b" * 20000 + b"\r\n", b"{}"),
    "deepest": (b"", b"[" * 190 + b"]" * 190), "deep-objects": (b"", b'{"a":' * 190 + b"1" + b"}" * 190),
    "long-key": (b"", b'{"' + b"k" * 1000000 + b'":1}'), "escaped-keys": (b"", b"{" + b",".join(b'"\\u0061%d":1' % i for i in range(50000)) + b"}"),
    "digits": (b"", b"0." + b"0" * 1000000 + b"1"), "integer": (b"", b"9" * 1000000), "exponent": (b"", b"[" + b"1e999999999," * 50000 + b"1]"),
    "surrogates": (b"", b'"' + b"\\ud83d\\ude00" * 80000 + b'"'), "same-hash": (b"", b"{" + b",".join(b'"%s":1' % (b"a" * i) for i in range(1200)) + b"}"),
    "blanks": (b"", b"[" + b" " * 1000000 + b"]"), "empty-objects": (b"", b"[" + b"{}," * 300000 + b"1]")}

# Texts that a regular expression of a filter runs away on.
TEXTS = ["a" * 3000, "a" * 60 + "!", "x" * 60, "ab" * 20000, "a" * 200000]
FILTER = {"type": "bomb", "data": {"text": "(a+)+b|(x+x+)+y|(a|b|ab)*c|(.*)*d"}}


def definitions(count):
    """name -> (tasks, the rest); each is registered."""
    description = {"openapi": "3.0.0", "servers": [{"url": CLOSED}], "paths": dict(
        {"/p%d" % i: {"$ref": "#/paths/~1p%d" % (i + 1)} for i in range(3000)}, **{"/p3000": {"get": {"operationId": "op"}}})}
    defs = dict({"d%d" % i: {"$ref": "#/$defs/d%d" % (i + 1)} for i in range(count)}, **{"d%d" % count: True})
    last = [{"last": {"set": {"b": 2}}}]
    return {
        "then": ([{"t%d" % i: dict(ONE, then="t%d" % (i + 1))} for i in range(count)] + [{"t%d" % count: ONE}], {}),
        "retry": ([{"t%d" % i: {"try": [{"a": ONE}], "catch": {"retry": "r%d" % i}}} for i in range(count // 2)],
                  {"use": {"retries": {"r%d" % i: {"delay": "PT1S"} for i in range(count // 2)}}}),
        "call": ([{"t%d" % i: {"call": "f%d" % i}} for i in range(count // 2)],
                 {"use": {"functions": {"f%d" % i: ONE for i in range(count // 2)}}}),
        "refs": (last, {"input": {"schema": {"document": {"$defs": defs, "$ref": "#/$defs/d0"}}}}),
        "pattern": ([{"a": {"set": "${ . }", "output": {"schema": {"document": {"properties": {
            "text": {"pattern": "^(a+)+$|^(x+x+)+y$"}}}}}}}], {}),
        "openapi": ([{"a": {"try": [{"b": {"call": "openapi", "with": {"document": {"endpoint": "description"}, "operationId": "op"}}}],
                            "catch": {}}}], {"description": description}),
    }


def judged(schema):
    """A task whose output is judged by that schema, whatever comes of it."""
    return [{"a": {"try": [{"b": {"set": "${ . }", "output": {"schema": {"document": schema}}}}], "catch": {}}}]


def forgiven(*tasks):
    return [{"a": {"try": [{"t%d" % i: task} for i, task in enumerate(tasks)], "catch": {}}}]


def nest(depth, inside, around):
    for _ in range(depth):
        inside = around(inside)
    return inside


DIGITS = "0." + "0" * 200000 + "1"


def schemas():
    """name -> (tasks, the text of the input)."""
    twice = {"$defs": {"d%d" % i: {"anyOf": [{"$ref": "#/$defs/d%d" % (i + 1)}] * 2} for i in range(24)}, "$ref": "#/$defs/d0"}
    twice["$defs"]["d24"] = False
    formats = ["date-time", "email", "hostname", "uri", "uri-reference", "uri-template", "ipv6", "regex", "json-pointer", "duration", "uuid", "idn-email", "iri"]
    long = json.dumps({"text": "a-1:/%41{b}" * 20000})
    return {
        "anyOf": (judged(twice), "{}"), "ref-loop": (judged({"$ref": "#"}), "{}"), "not": (judged(nest(40, False, lambda s: {"not": s})), "{}"),
        "formats": (judged({"properties": {"text": {"anyOf": [{"allOf": [{"format": f}, False]} for f in formats]}}}), long),
        "patterns": (judged({"patternProperties": {"^(a+)+%d$" % i: False for i in range(200)}}), json.dumps({"a" * 40 + "!%d" % i: 1 for i in range(500)})),
        "unique": (judged({"properties": {"l": {"uniqueItems": True}}}), json.dumps({"l": list(range(50000))})),
        "unique-objects": (judged({"properties": {"l": {"uniqueItems": True}}}), json.dumps({"l": [{"k": [i, {"a": i}]} for i in range(20000)]})),
        "contains": (judged({"properties": {"l": {"contains": {"const": -1}, "items": {"enum": list(range(200))}}}}), json.dumps({"l": list(range(100)) * 300})),
        "multiple": (judged({"properties": {"n": {"multipleOf": 0.1, "minimum": 3}}}), '{"n": %s}' % DIGITS),
        "constant": (judged({"properties": {"n": {"const": 1e300}}}), '{"n": 1%s}' % ("0" * 200000)),
        "unevaluated": (judged({"allOf": [{"properties": {"k%d" % i: True}} for i in range(300)], "unevaluatedProperties": False}),
                        json.dumps({"k%d" % i: 1 for i in range(300)})),
        "dependent": (judged({"dependentRequired": {"k%d" % i: ["k%d" % j for j in range(120)] for i in range(120)}}), json.dumps({"k%d" % i: 1 for i in range(120)})),
        "lengths": (judged({"properties": {"text": {"maxLength": 5}}}), long)}


def shapes(count):
    """name -> (tasks, the text of the input)."""
    text = json.dumps({"text": "a" * 500000})
    names = {"n%d" % i: "${ .n%d }" % i for i in range(4 * count)}
    return {
        "uri-template": (forgiven({"call": "http", "with": {"method": "get", "endpoint": CLOSED + "/" + "".join("{a%d}" % i for i in range(count * 10))}}), "{}"),
        "duration": (forgiven({"wait": "${ .text }"}), json.dumps({"text": "PT" + "0" * 500000 + "1S"})),
        "long-duration": (forgiven({"wait": "${ .text }"}), json.dumps({"text": "P" + "9" * 500000 + "D"})),
        "comparison": ([{"a": {"set": {"b": "${ .n > 3 }", "c": "${ .n == 0 }"}}}], '{"n": %s}' % DIGITS),
        "numbers": ([{"a": {"set": {"b": "${ .n == .m }"}}}], '{"n": [%s1], "m": [%s1]}' % (("1e999999999," * 20000,) * 2)),
        "objects": ([{"a": {"set": {"b": "${ .n == .m }", "c": "${ .n < .m }"}}}], json.dumps({k: {"k%d" % i: i for i in range(30000)} for k in "nm"})),
        "templates": ([{"a": {"set": names}}], json.dumps({"n%d" % i: i for i in range(4 * count)})),
        "path": ([{"a": {"set": {"b": "${ %s }" % "".join(".a" for _ in range(5000))}}}], nest(50, "1", lambda s: '{"a":%s}' % s)),
        "names": ([{"s" * 500 + str(i): ONE} for i in range(count // 4)], "{}"), "long-name": ([{"s" * 100000: ONE}], "{}"),
        "deep": (nest(16, [{"z": ONE}], lambda do: [{"d": {"do": do}}]), "{}"),
        "tries": (nest(12, [{"z": {"raise": {"error": {"type": "https://serverlessworkflow.io/spec/1.0.0/errors/runtime", "status": 500}}}}],
                       lambda do: [{"d": {"try": do, "catch": {"as": "e", "do": [{"r": ONE}]}}}]), "{}"),
        "cases": ([{"s": {"switch": [{"c%d" % i: {"when": "${ .n == %d }" % i, "then": "e"}} for i in range(2 * count)]}}, {"e": ONE}], '{"n": -1}'),
        "wide-fork": ([{"f": {"fork": {"branches": [{"b%d" % i: ONE} for i in range(2 * count)]}}}], "{}"),
        "for": ([{"f": {"for": {"each": "i", "in": "${ .l }"}, "do": [{"s": {"set": {"v": "${ $i }"}}}]}}], json.dumps({"l": list(range(20 * count))})),
        "contexts": ([{"c%d" % i: {"set": "${ . }", "export": {"as": "${ . }"}}} for i in range(40)], text),
        "authentication": (forgiven({"call": "http", "with": {"method": "get", "endpoint": {"uri": CLOSED, "authentication": {"basic": {
            "username": "${ .text }", "password": "${ .text }"}}}}}), text),
        "headers": (forgiven({"call": "http", "with": {"method": "get", "endpoint": CLOSED, "headers": "${ .h }", "query": "${ .h }"}}),
                    json.dumps({"h": {"h%d" % i: "v" for i in range(20 * count)}})),
        "twice": ([{"a": {"set": {"b": "${ .k }"}}}], "{" + '"k":1,' * 100000 + '"k":1}'),
        "escapes": ([{"a": {"set": {"b": "${ .k }", "c": "x${ .k }y"}}}], '{"k":"%s"}' % ("\\u00e9" * 150000)),
        "event": ([{"e": {"emit": {"event": {"with": {"type": "t", "source": "http://x/" + "a" * 50000, "data": "${ . }"}}}}}], text)}


def events(count):
    """JSON texts of events, nobody's or the listeners'."""
    base = {"source": "s", "type": "bomb", "data": {"text": "x"}}
    texts = [dict(base, id="x%d" % i, **{"e%d" % j: "v" for j in range(2000)}) for i in range(4)]
    texts += [dict(base, id="l%d" % i, extension="v" * 300000) for i in range(3)]
    texts += [dict(base, id="k%d" % i, data={"key": "k" * 300000, "text": "x"}) for i in range(3)]
    texts += [dict(base, id="m%d" % i, subject="b" * 1000, dataschema="http://x/" + "a" * 200000) for i in range(2)]
    texts += [dict(base, id="d%d" % i, data=nest(40, 1, lambda v: {"a": v})) for i in range(3)]
    return [json.dumps(t) for t in texts] + [json.dumps(dict(base, id="r%d" % i, data={"text": t})) for i, t in enumerate(TEXTS * (count // 500 + 1))]
