"""Texts that somebody hopes will be taken for code: SQL, shell, headers, paths, terminals."""
import re

SQL = ["'", "''", "\\'", "'; drop table victim; --", "\" or \"\"=\"", "$$; drop table victim; $$", "'||pg_sleep(0)||'",
       "'); delete from victim; --", "$1", "%s", "{}", "null", "E'\\\\x27'", "/*", "--", "\\x27", "\u02bc", "\uff07",
       "'::regclass", "\\copy victim to '/tmp/x'", "\\! touch canary"]
SHELL = [";", "`touch canary`", "$(touch canary)", "${IFS}", "\n", "-", "--", "-n", "-e", "|", "&",
         "&& touch canary", ">canary",
         "<(:)", "*", "~", "!", "\\", "\"", "'\n\"", "$0", "$@", "#", " ", "\t", "--help", "-c", "%d%n", "\\0"]
PATHS = ["..", "../", "..%2f", "%2e%2e/", "%00", "....//", "/etc/passwd", "..\\", "%252e", "?a=1", "#",
         "//evil.test/", "@",
         ":80", "{n}", "%", "%zz", "\u2025/"]
BREAKS = ["\r\n", "\n", "\r", "\r\n ", "\r\n\r\n", "\u0085", "\u2028", "\x0b"]
TERMINAL = ["\x1b[2J", "\x1b]0;title\x07", "\x1b]52;c;aGk=\x07", "\x1b]8;;http://evil.test\x1b\\", "\x9b31m",
            "\x90q\x9c", "\x07", "\x08\x08", "\x7f", "\r", "\x1bc", "\x1b(0", "\u202e", "\u2066", "\u2069", "\u200f",
            "\u061c", "\u2028", "\u2029",
            "\ufeff", "\x0e", "\x1b[6n", "\x1bP+q\x1b\\", "\u0085"]
NUL = "\x00"
PLAIN = ["a", "victim", "1", "x y", "\u00e9", "\u4e2d", "\U0001f600"]
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def draw(chance, count, *kinds):
    """That many different texts: each fragment alone, the rest put together at random."""
    fragments = [f for kind in kinds for f in kind]
    found = dict.fromkeys(fragments[:count])
    while len(found) < count:
        found["".join(chance.choices(fragments + PLAIN, k=chance.randint(2, 6)))] = None
    return list(found)
