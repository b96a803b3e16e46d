"""Reads the project's documents: headings, links, blocks of code, and what the line below a
snippet says of it. docs/language.md, "How to read the snippets", is the form of that line."""
import json
import re

HOST = "http://localhost:8080"  # the endpoint of the snippets


class Wrong(Exception):
    """What a document says is not so; the text says where and what."""


class Block:
    """A fence, an indented block, a heading or a paragraph (a list is one too)."""

    def __init__(self, page, line, kind, info, text):
        self.page, self.line, self.kind, self.info, self.text = page, line, kind, info, text

    def __str__(self):
        return "%s:%d" % (self.page.name, self.line)


class Page:
    def __init__(self, path, root):
        self.path, self.name = path, str(path.relative_to(root))
        self.lines = path.read_text().split("\n")
        self.blocks = list(self.read())

    def read(self):
        at, lines = 0, self.lines
        while at < len(lines):
            start, line = at, lines[at]
            at += 1
            if line.startswith("```"):
                while at < len(lines) and lines[at] != "```":
                    at += 1
                if at == len(lines):
                    raise Wrong("%s:%d: this block has no end" % (self.name, start + 1))
                at += 1
                yield Block(self, start + 1, "fence", line[3:], "\n".join(lines[start + 1:at - 1]) + "\n")
            elif line.startswith("    "):
                while at < len(lines) and (lines[at].startswith("    ") or (
                        not lines[at] and lines[at + 1:at + 2] and lines[at + 1].startswith("    "))):
                    at += 1
                yield Block(self, start + 1, "indented", "", "\n".join(l[4:] for l in lines[start:at]))
            elif line.startswith("#"):
                yield Block(self, start + 1, "heading", "", line.lstrip("# "))
            elif line:
                while at < len(lines) and lines[at] and not re.match("```|#", lines[at]):
                    at += 1
                yield Block(self, start + 1, "text", "", "\n".join(lines[start:at]))

    def anchors(self):
        """As GitHub makes them of headings."""
        seen = {}
        for block in self.blocks:
            if block.kind == "heading":
                slug = re.sub(r"[^\w\- ]", "", block.text.lower()).replace(" ", "-")
                seen[slug] = seen.get(slug, -1) + 1
                yield slug if not seen[slug] else "%s-%d" % (slug, seen[slug])

    def links(self):
        """-> (block, target), code left out"""
        for block in self.blocks:
            if block.kind in ("text", "heading"):
                for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", block.text)):
                    yield block, target


def is_document(block):
    """Whether it is a complete definition."""
    if block.kind == "fence" and block.info == "yaml":
        return bool(re.search("^document:", block.text, re.M) and re.search("^do:", block.text, re.M))
    if block.kind == "fence" and block.info == "json":
        try:
            value = json.loads(block.text)
        except ValueError as error:
            raise Wrong("%s: %s" % (block, error))
        return isinstance(value, dict) and "document" in value and "do" in value
    return False


# ---- The line below a snippet ----

class Outcome:
    """One run of a snippet: what it is given, and what comes of it."""

    def __init__(self):
        self.input = self.secrets = None
        self.answers = {}  # target -> as the recorder takes them
        self.results = []  # (kind, what)


NUMBERS = {"once": 1, "twice": 2}
COUNT = r"(?P<count>once|twice|\d+ times)"


class Prose:
    """A text whose code is put aside: `0`, `1`, ..."""

    def __init__(self, text):
        self.spans = []
        self.text = re.sub(r"`([^`]*)`", self.aside, " ".join(text.split()))

    def aside(self, match):
        self.spans.append(match.group(1))
        return "`%d`" % (len(self.spans) - 1)

    def code(self, text):
        return self.spans[int(text.strip("`"))]

    def json(self, text):
        return json.loads(self.code(text))

    def whole(self, text):
        return re.sub(r"`(\d+)`", lambda m: "`%s`" % self.spans[int(m[1])], text)

    def sentences(self):
        return re.split(r"(?<=[.:]) (?=[A-Z])", self.text)


def number(text):
    return NUMBERS.get(text) or int(text.split()[0])


def read_answers(s, text):
    """`{}` | 503 | 503 `{}` | nothing, each perhaps so many times; the last one for ever"""
    answers = []
    for part in re.split(r", then ", text):
        match = re.fullmatch(r"(?:(?P<status>\d+)|(?P<none>nothing))?(?: ?(?P<body>`\d+`))?(?: " + COUNT + ")?",
                             part)
        if not match or not any(match.group("status", "none", "body")):
            return None
        answer = {"status": int(match["status"] or 200), "body": s.json(match["body"]) if match["body"] else {}}
        if match["none"]:
            answer["cut"] = True
        answers += [answer] * (number(match["count"]) if match["count"] else 1)
    return answers


def read_given(s, outcome, text):
    for part in re.split(r" and (?=where|with)", text):
        match = re.fullmatch(r"with the (input|secrets) (`\d+`)", part)
        where = re.fullmatch(r"where (`\d+`) answers (.*)", part)
        if match:
            setattr(outcome, match[1], s.json(match[2]) if match[1] == "secrets" else s.code(match[2]))
        elif where and read_answers(s, where[2]):
            outcome.answers[s.code(where[1])] = read_answers(s, where[2])
        else:
            return False
    return True


def read_requests(s, text):
    requests = []
    for part in re.split(r"(?:,| and) (?=`)", text):
        match = re.fullmatch(r"(`\d+`) " + COUNT + r"(?:,? with the body (`\d+`))?(?:,? with the header (`\d+`))?"
                             r"(?:,? with (one key|\d+ keys|no key))?", part)
        if not match:
            return None
        requests.append({
            "request": s.code(match[1]), "count": number(match["count"]),
            "body": match[3] and s.code(match[3]), "header": match[4] and s.code(match[4]),
            "keys": match[5] and {"one key": 1, "no key": 0}.get(match[5], match[5].split()[0])})
    return requests


def read_result(s, text):
    """-> (kind, what) or None"""
    match = re.fullmatch(r"gives (`\d+`)", text)
    if match:
        return "gives", s.code(match[1])
    if text == "gives:":
        return "gives", None
    match = re.fullmatch(r"faults with (`\d+`) (\d+)(?: at (`\d+`))?(?:: (`\d+`))?", text)
    if match:
        return "faults", [s.code(match[1]), int(match[2]), match[3] and s.code(match[3]),
                          match[4] and s.code(match[4])]
    match = re.fullmatch(r"is (refused|suspended)(?: at (`\d+`))?: (`\d+`)", text)
    if match:
        return match[1], [match[2] and s.code(match[2]), s.code(match[3])]
    if text == "sends nothing":
        return "sends", []
    if text.startswith("sends ") and read_requests(s, text[6:]):
        return "sends", read_requests(s, text[6:])
    match = re.fullmatch(r"(enters|skips|cancels) (`\d+`(?:(?:, | and )`\d+`)*)", text)
    if match:
        return match[1], [s.code(m) for m in re.findall(r"`\d+`", match[2])]
    match = re.fullmatch(r"takes ([\d.]+) s or more", text)
    return match and ("takes", float(match[1]))


def read_outcomes(block):
    """What the paragraph below a snippet says -> [Outcome]; Wrong where it says nothing."""
    outcomes = []
    text = re.sub(r"^- ", "", block.text, flags=re.M)
    s = Prose(text)
    for sentence in s.sentences():
        said = sentence.rstrip(".")
        match = re.fullmatch(r"(?:((?:With|Where) .*), it|It) (.*)", said)
        match = match or re.fullmatch(r"(With the \w+ `\d+`) it (.*)", said)
        if not match:
            raise Wrong("%s: not understood: %s" % (block, s.whole(sentence)))
        given = match[1]
        if given or not outcomes:
            outcomes.append(Outcome())
        if given and not read_given(s, outcomes[-1], given[0].lower() + given[1:]):
            raise Wrong("%s: not understood: %s" % (block, s.whole(given)))
        result = read_result(s, match[2])
        if not result:
            raise Wrong("%s: not understood: %s" % (block, s.whole(sentence)))
        outcomes[-1].results.append(result)
    return outcomes
