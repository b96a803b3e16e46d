"""Answers that break HTTP, or never end: each a function that yields (bytes, seconds to wait after them), whose
connection is closed at the end. The recorder sends them (/broken/NAME), rows_broken.py says what must come of them."""
import functools
import itertools
import zlib

LINE = b"HTTP/1.1 200 OK\r\n"
JSON = b"Content-Type: application/json\r\n"
HEAD = LINE + b"Connection: close\r\n" + JSON
FINE = b'{"id":"fine"}'
BLOCK = b"x" * 65536


def lines(*parts):
    """An answer that is sent at once."""
    def feed():
        yield b"".join(parts), 0
    return feed


def length(text, body, more=b""):
    return lines(HEAD, b"Content-Length: " + text + b"\r\n" + more + b"\r\n", body)


def chunked(*parts):
    return lines(HEAD, b"Transfer-Encoding: chunked\r\n\r\n", *parts)


def for_ever(first, block, pause=0):
    def feed():
        yield first, 0
        for part in itertools.repeat((block, pause)):
            yield part
    return feed


def slowly(text, then=b"x"):
    """Byte by byte, and on for ever."""
    def feed():
        for byte in itertools.chain(text, itertools.repeat(then[0])):
            yield bytes([byte]), 0.02
    return feed


def times(count, first, block, last=b""):
    def feed():
        yield first, 0
        for _ in range(count):
            yield block, 0
        yield last, 0
    return feed


def bomb(size, encoding=b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", after=b""):
    """A string of that size, compressed; made when it is asked for."""
    @functools.lru_cache(1)
    def packed():
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        parts = [packer.compress(b'"')] + [packer.compress(BLOCK) for _ in range(size // len(BLOCK))]
        return b"".join(parts + [packer.compress(b'"'), packer.flush()])

    def feed():
        yield HEAD + encoding % len(packed()), 0
        yield packed() + after, 0
    return feed


# What is an answer all the same: so that not everything fails for another reason.
GOOD = {
    "good": length(b"13", FINE),
    "good-chunked": chunked(b"5;a=b\r\n", FINE[:5], b"\r\n8\r\n", FINE[5:], b"\r\n0\r\nX-Trailer: 1\r\n\r\n"),
    "good-until-closed": lines(HEAD, b"\r\n", FINE),
    "good-after-1xx": lines(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 20, HEAD,
                            b"Content-Length: 13\r\n\r\n", FINE),
    "good-bare-lf": lines(HEAD.replace(b"\r", b""), b"Content-Length: 13\n\n", FINE),
}
BROKEN = {
    "nothing": lines(b""),
    "half-status": lines(b"HTTP/1."),
    "status-only": lines(LINE),
    "half-headers": lines(HEAD + b"Content-Le"),
    "length-too-long": length(b"99", FINE),
    "length-too-short": length(b"5", FINE),
    "length-negative": length(b"-1", FINE),
    "length-word": length(b"thirteen", FINE),
    "length-huge": length(b"9" * 40, FINE),
    "length-2-63": length(b"9223372036854775808", FINE),
    "lengths-differ": length(b"13", FINE + b"zzzz", b"Content-Length: 17\r\n"),
    "not-json": length(b"13", b"{{{{{{{{{{{{{"),
    "json-nul": length(b"6", b'"a\0bc"'),
    "json-twice": length(b"26", FINE + FINE),
    "json-deep": lines(HEAD, b"Content-Length: 20000\r\n\r\n", b"[" * 10000 + b"]" * 10000),
    "chunk-no-hex": chunked(b"zz\r\n", FINE, b"\r\n0\r\n\r\n"),
    "chunk-too-long": chunked(b"ff\r\n", FINE, b"\r\n0\r\n\r\n"),
    "chunk-too-short": chunked(b"2\r\n", FINE, b"\r\n0\r\n\r\n"),
    "chunk-negative": chunked(b"-5\r\n", FINE, b"\r\n0\r\n\r\n"),
    "chunk-overflow": chunked(b"ffffffffffffffffffff\r\n", FINE, b"\r\n0\r\n\r\n"),
    "chunk-no-end": chunked(b"d\r\n", FINE, b"\r\n"),
    "chunk-empty-line": chunked(b"\r\n\r\n", FINE),
    "chunk-size-for-ever": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 4096),
    "chunk-extension-for-ever": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;", b"a=b;" * 4096),
    "trailers-for-ever": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\nd\r\n" + FINE + b"\r\n0\r\n",
                                  b"X-T: 1\r\n" * 4096),
    "gzip-bomb": bomb(50 << 20),
    "gzip-bomb-on-the-way": bomb(50 << 20, b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n", b"\r\n0\r\n\r\n"),
    "gzip-bomb-large": bomb(1200 << 20),
    "body-gigabyte": times(16384, HEAD + b"Content-Length: 1073741824\r\n\r\n", BLOCK),
    "body-for-ever": for_ever(HEAD + b"\r\n\"", BLOCK),
    "chunks-for-ever": for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + BLOCK + b"\r\n"),
    "body-white": for_ever(HEAD + b"\r\n", b" " * 65536),
    "headers-100000": times(1000, HEAD, b"X-Header: value\r\n" * 100, b"Content-Length: 13\r\n\r\n" + FINE),
    "headers-for-ever": for_ever(HEAD, b"X-Header: value\r\n" * 4096),
    "header-for-ever": for_ever(HEAD + b"X-Header: ", b"v" * 65536),
    "header-10-mb": times(160, HEAD + b"X-Header: ", BLOCK, b"\r\nContent-Length: 13\r\n\r\n" + FINE),
    "folds-for-ever": for_ever(HEAD + b"X-Header: v", b"\r\n v" * 8192),
    "1xx-for-ever": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1024),
    "1xx-headers-for-ever": for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" * 256),
    "1xx-slow-for-ever": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02),
    "101": lines(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "slow-headers": slowly(HEAD + b"X: "),
    "slow-body": slowly(HEAD + b"\r\n\""),
    "slow-status": slowly(b"HTTP/1.1 200 O", b"O"),
    "garbage": lines(b"\x00\x01\xff\xfe garbage\r\n\r\n"),
    "garbage-for-ever": for_ever(b"", b"\x00\xff" * 32768),
    "http-0.9": lines(FINE),
    "http-2": lines(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18),
    "http-9": lines(b"HTTP/9.9 200 OK\r\nContent-Length: 13\r\n\r\n", FINE),
    "icy": lines(b"ICY 200 OK\r\nContent-Length: 13\r\n\r\n", FINE),
    "status-word": lines(b"HTTP/1.1 2OO OK\r\nContent-Length: 13\r\n\r\n", FINE),
    "status-negative": lines(b"HTTP/1.1 -200 OK\r\nContent-Length: 13\r\n\r\n", FINE),
    "status-2": lines(b"HTTP/1.1 2 OK\r\nContent-Length: 13\r\n\r\n", FINE),
    "status-huge": lines(b"HTTP/1.1 20000000000000000000 OK\r\nContent-Length: 13\r\n\r\n", FINE),
    "header-nul": lines(HEAD, b"X-Nul: a\0b\r\nContent-Length: 13\r\n\r\n", FINE),
}
STREAMS = dict(GOOD, **BROKEN)
