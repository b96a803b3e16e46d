"""Expressions of every builtin that jq 1.6 has, and values that none of them was made for."""
import json
import pathlib
import re

from checks import check

TABLE = pathlib.Path(__file__).resolve().parent.parent.parent / "engine" / "jq" / "builtin.c"

# What the language has besides functions, around one or two expressions.
FORMS = ("%s", "[%s]", "try (%s) catch .", "first(%s)", "[limit(9; %s)]", "path(%s)?", "reduce (%s) as $x (0; .)", "(%s)? // 1", "[.[]? | %s]",
         "label $f | %s | ., break $f", "(nan, infinite, -infinite) | %s", "foreach (%s) as $x (0; . + 1; [., $x])", "def f(g): g | %s; f(.)",
         ". as [$x, {a: $y}] | %s", "{a: ., (\"b\"): (%s)}", "\"\\(%s)\"", "@json \"v\\(%s)\"", "if %s then . else [.] end", "-(%s)", ".[%s]?",
         ".[(%s):]?", "(%s) |= .", "(%s) += 1", "[..?] | %s", "[%s, .] | sort", "(%s) as $x | $x == .", "[%s] | .[1e300:-1e300]", "[paths] | %s")
FORMATS = ("@text", "@json", "@csv", "@tsv", "@html", "@uri", "@sh", "@base64", "@base64d")
OPERATORS = ("+", "-", "*", "/", "%", "==", "<", "and", "or", "//", ",", "|")
# Arguments: indices and counts that are none, texts that mean something to somebody.
ARGUMENTS = (".", ".", ".[]?", ".a", "nan", "infinite", "-infinite", "-1", "0", "1", "1.5", "1e9", "1e300", "-1e300", "4294967296", "null", "true", "[]", "{}", "\"\"",
             "\"a\"", "\"(a*)*b\"", "\"[\"", "\"\\u0000\"", "\"%s%n%Y\"", "\"\\uD800\"", "[0]", "[nan]", "[1e9]", "[\"a\", 0]", "[{\"start\": nan}]", "\"x\" * 100",
             "[limit(50; repeat(1))]", "empty", "error", "length", "tojson", "now")
# What runs away by its nature is bounded here as it would be by an author.
ENDLESS = {"repeat": "[limit(50; repeat(%s))]", "recurse": "[limit(50; recurse(%s))]", "range": "[limit(50; range(%s))]", "while": "[limit(50; while(%s))]",
           "combinations": "[limit(50; combinations(%s))]"}


def builtins():
    """name -> how many arguments it may have, from the table by which names are judged."""
    found = {name: [int(n) for n in re.findall(r"A(\d)", arities)] for name, arities in re.findall(r'\{"(\w+)",\s*([A0-9| ]+)\}', TABLE.read_text())}
    check(len(found) > 150, "%d builtins in engine/jq/builtin.c", len(found))
    return found


def call(random, name, arities):
    arguments = "; ".join("(%s)" % random.choice(ARGUMENTS) for _ in range(random.choice(arities)))
    form = ENDLESS.get(name) if random.random() < 0.8 else None
    return form % arguments if form and arguments else "%s(%s)" % (name, arguments) if arguments else name


def some(random, known, name):
    """An expression with a call of that one."""
    text = call(random, name, known[name])
    for _ in range(random.randint(0, 2)):
        other = random.choice(sorted(known))
        text = "%s %s %s" % (text, random.choice(OPERATORS), random.choice((call(random, other, known[other]), random.choice(FORMATS), random.choice(ARGUMENTS))))
    for _ in range(random.randint(0, 2)):
        text = random.choice(FORMS) % text
    return text


def expressions(random, count):
    """So many; all builtins are in them, as far as that is enough, then any."""
    known = builtins()
    names = sorted(known)
    random.shuffle(names)
    return [some(random, known, names[n] if n < len(names) else random.choice(names)) for n in range(count)]


def nested(depth, around="[]"):
    return "".join(around[0] * depth + around[1] * depth)


def values():
    """JSON texts."""
    small = [None, 0, -1, 1e308, -1e308, 1e-320, 9007199254740993, "", "nan", "a" * 1000, "\ud83d\ude00\u00e9" * 300, "%s%n%Y", nested(60), [], {}, [0, [1e308]],
             [[["a"], 1], [[0], 2], [[1e9], 3]], {"a": [{"b": None}]}, {"start": -1, "end": 1e300}, [1114112, -1, 55296], "2015-03-05T23:51:47Z", 1e18,
             [1e18, -1e300, 0.5], {"a": "\u0001\u007f\u2028"}]
    large = ["a b," * 262144, ["%d" % n for n in range(20000)], {"k%d" % n: n for n in range(5000)}, list(range(50000)), [[n] for n in range(10000)]]
    # The last ones are no text that a JSON writer of Python would make.
    return [json.dumps(v) for v in small + large] + [nested(190), "[" * 150 + "{\"a\":1e308}" + "]" * 150, "\"\\ud800\"", "\"%s\"" % ("\\u0000" * 1000), "-0", "1e-999",
                                                     "123456789" * 100]
