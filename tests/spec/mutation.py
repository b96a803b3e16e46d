"""Documents that are nearly right: an example, changed at a few places chosen by a seeded generator. For test_agreement.py."""
import copy
import json

STRINGS = [
    "", " ", "a", "a b", "a_b", "-a", "a-", "a.b", "A9", "x" * 63, "x" * 64, "ä", "a\nb", "\u2028", "null", "5",
    "${ .a }", " ${ .a }\n", "${}", "${ }", "${ .a", "x ${ .a }", "${ .a\n}", "${ .a } ${ .b }", "${{ .a }}", ".a", "$context.a",
    "http://x/y", "https://x.example/{id}", "http://x/{id", "http://x/{+a,b*}", "http://x/{a:3}", "http://x/{a:0}",
    "http://x/{a.b}", "http://[::1]:80/x", "http://x/%41", "http://x/%4", "http://x/a b", "http://x/'q'",
    "http://x/<q>", "http://x/#a#b", "http://ä/", "//x", "?q", "#", "a:b:c", "x\\y", "a|b", "a^b", "[", "]", "mailto:a@b",
    "/a/0", "/a~0b~1", "/a~2", "a/b", "#/a",
    "PT5S", "P", "PT", "P1D", "P1DT", "P1Y2M3W4DT5H6M7.5S", "P1D2M", "PT1D", "P0.5D", "P.5D", "PT-1S", "pt5s", "5s", "PT5S ",
    "2026-01-31T12:00:00Z", "2026-01-31t12:00:00.25+01:30", "2026-02-29T12:00:00Z", "2026-01-31 12:00:00Z",
    "2026-01-31T12:00:00", "2026-01-31", "2016-12-31T23:59:60Z", "2026-01-31T12:00:60Z", "2026-01-31T24:00:00Z",
    "1.0", "1.0.0", "01.0.0", "1.0.0-rc.1+b.01", "1.0.0-01", "v1.0.0", "latest", "end", "exit", "continue",
]
NUMBERS = [0, 1, -1, 1.0, 1.5, 1e3, 65535, 65536, 2 ** 53, 404]
OTHERS = [None, True, False, [], {}, [{}], {"a": 1}, ["a"], [[]], "x", 3]


def dump(value):
    return json.dumps(value, ensure_ascii=False)


def walk(value):
    """-> every container and key below, with the value"""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield value, key, child
        yield from walk(child)


class Mutator:
    def __init__(self, random, examples, schema):
        self.random, self.examples = random, examples
        self.values, names, words = {}, set(), set()
        for example in examples:
            for container, key, child in walk(example):
                if isinstance(container, dict):
                    self.values.setdefault(key, []).append(child)
        for container, key, child in walk(schema):
            if key == "properties" and isinstance(child, dict):
                names.update(child)
            if key in ("enum", "const"):
                words.update(child if isinstance(child, list) else [child])
        self.names = sorted(names | set(self.values))
        self.words = sorted(w for w in words if isinstance(w, str))
        self.changes = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("change_")]

    def document(self):
        document = copy.deepcopy(self.random.choice(self.examples))
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            self.random.choice(self.changes)(document)
        return document

    def place(self, document, kind=object, inside=(dict, list)):
        """A random container and key whose value is of the kind; (None, None) if there is none."""
        places = [(c, k) for c, k, v in walk(document) if isinstance(v, kind) and isinstance(c, inside)]
        return self.random.choice(places) if places else (None, None)

    def containers(self, document, kind):
        return [c for c in [document] + [v for _, _, v in walk(document)] if isinstance(c, kind)]

    def value_for(self, name):
        return copy.deepcopy(self.random.choice(self.values.get(name) or OTHERS))

    def change_delete(self, document):
        container, key = self.place(document)
        if container is not None:
            del container[key]

    def change_rename(self, document):
        container, key = self.place(document, inside=dict)
        name = self.random.choice((key + "s", key[:-1], key.upper(), key[1:2] + key[:1] + key[2:],
                                   self.random.choice(self.names)))
        container[name] = container.pop(key)

    def change_type(self, document):
        container, key = self.place(document)
        container[key] = copy.deepcopy(self.random.choice(OTHERS + NUMBERS))

    def change_string(self, document):
        container, key = self.place(document, str)
        if container is not None:
            container[key] = self.random.choice(STRINGS)

    def change_letter(self, document):
        container, key = self.place(document, str)
        if container is not None and container[key]:
            text = container[key]
            at = self.random.randrange(len(text))
            container[key] = text[:at] + self.random.choice("\0 '{}$%/\\#:?~.-_P0\näx") + text[at + 1:]

    def change_word(self, document):
        container, key = self.place(document, str)
        if container is not None:
            container[key] = self.random.choice(self.words)

    def change_number(self, document):
        container, key = self.place(document, (int, float))
        if container is not None:
            container[key] = self.random.choice(NUMBERS)

    def change_insert(self, document):
        """A member that belongs somewhere, with a value that it has there."""
        name = self.random.choice(self.names)
        self.random.choice(self.containers(document, dict))[name] = self.value_for(name)

    def change_insert_unknown(self, document):
        self.random.choice(self.containers(document, dict))["unknown"] = copy.deepcopy(self.random.choice(OTHERS))

    def change_transplant(self, document):
        """The value that a member has in some example."""
        container, key = self.place(document, inside=dict)
        container[key] = self.value_for(key)

    def change_swap(self, document):
        a, b = self.place(document), self.place(document)
        one, two = copy.deepcopy(a[0][a[1]]), copy.deepcopy(b[0][b[1]])
        a[0][a[1]], b[0][b[1]] = two, one

    def change_nest(self, document):
        container, key = self.place(document)
        container[key] = self.random.choice(([container[key]], {self.random.choice(self.names): container[key]}))

    def change_flatten(self, document):
        """A value takes the place of what is around it."""
        container, key = self.place(document, (dict, list))
        if container is not None and container[key]:
            inner = container[key]
            container[key] = self.random.choice(list(inner.values()) if isinstance(inner, dict) else inner)

    def change_hoist(self, document):
        """The members of an object move up into the one around it: a wrong indentation."""
        container, key = self.place(document, dict, inside=dict)
        if container is not None:
            container.update(container.pop(key))

    def change_sink(self, document):
        """A member moves down into one beside it."""
        container, key = self.place(document, dict, inside=dict)
        others = [k for k in container or () if k != key]
        if others:
            name = self.random.choice(others)
            container[key][name] = container.pop(name)

    def change_empty(self, document):
        container, key = self.place(document, (dict, list))
        if container is not None:
            container[key] = type(container[key])()

    def change_elements(self, document):
        lists = self.containers(document, list)
        if lists:
            chosen = self.random.choice(lists)
            chosen.append(copy.deepcopy(self.random.choice(chosen + OTHERS)))


def mutated_bytes(random, text):
    """The text with a few bytes changed, added, left out, repeated or cut off."""
    text = bytearray(text)
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        at = random.randrange(len(text) + 1)
        change = random.randrange(6)
        if change == 0 and at < len(text):
            text[at] = random.randrange(256)
        elif change == 1:
            text[at:at] = bytes([random.choice(b'{}[]",:\\ \n\t#&*!|>-?%@`\0\xff\xe2$(0e')])
        elif change == 2:
            del text[at:at + random.choice((1, 1, 2, 10, 100))]
        elif change == 3:
            text[at:at] = text[at:at + random.randrange(1, 60)] * random.choice((1, 2, 40))
        elif change == 4 and random.random() < 0.1:
            del text[at:]
        elif change == 5 and at < len(text):
            text[at] ^= 1 << random.randrange(8)
    return bytes(text)


def to_yaml(value, indent=0):
    """The value in block style, its scalars as in JSON."""
    if isinstance(value, dict) and value:
        lines = ["%s: %s" % (dump(k), to_yaml(v, indent + 1).lstrip(" ") if not isinstance(v, (dict, list)) or not v
                             else "\n" + to_yaml(v, indent + 1)) for k, v in value.items()]
    elif isinstance(value, list) and value:
        lines = ["- " + to_yaml(v, indent + 1).lstrip(" ") for v in value]
    else:
        return dump(value)
    return "\n".join(" " * 2 * indent + line for line in lines)
