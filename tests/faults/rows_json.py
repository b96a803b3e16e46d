"""Hostile JSON at every door: definitions, inputs, answers, results of statements (row 52). What is JSON is
accepted and passed on to the last byte; the rest is refused, and nothing is sent twice for that."""
import base64
import concurrent.futures
import json
import pathlib
import subprocess

from catalogue import case
from harness import check, records_of, some
from judges import journal_is_whole

DEPTH = 64  # as documented

# The parts of RFC 8259, each said in several ways, and what people write by mistake.
VALUES = [
    b"null", b"true", b"false", b"0", b"-0", b"0.0", b"-0.0", b"1", b"-1", b"10", b"1e0", b"1E0", b"1e+0", b"1e-0", b"1E+2",
    b"0e1", b"0e+1", b"123e45", b"1.5e-7", b"0.10", b"123.456789", b"-123.456e-10", b"9007199254740993",
    b"9223372036854775807", b"-9223372036854775808", b"18446744073709551616", b"1e400", b"-1e400", b"1e-400",
    b"0." + b"0" * 400 + b"1", b"1" * 1000, b'""', b'"a"', b'"\\""', b'"\\\\"', b'"\\/"', b'"/"', b'"\\b\\f\\n\\r\\t"',
    b'"\\u0000"', b'"a\\u0000b"', b'"\\u0001"', b'"\\u001f"', b'"\\u0022"', b'"\\u005C"', b'"\\u00e9"', b'"\\u00E9"',
    b'"\\uD83D\\uDE00"', b'"\\ud83d\\ude00"', b'"\\uFFFF"', b'"\\ufeff"', b'"\\u2028"', b'"\x7f"', b'"\xc2\x80"',
    b'"\xc3\xa9"', b'"\xe2\x80\xa8"', b'"\xef\xbb\xbf"', b'"\xef\xbf\xbf"', b'"\xf0\x9f\x98\x80"', b'"\xf4\x8f\xbf\xbf"',
    b'"' + b"x" * 100000 + b'"', b"[]", b"[ ]", b"[\t\n\r ]", b"[1]", b"[1,2]", b"[ 1 , 2 ]", b"[[],[[]]]", b"[null,true,\"\",{}]",
    b"{}", b"{ }", b'{"a":1}', b'{ "a" : 1 }', b'{"":0}', b'{"a":1,"A":2}', b'{"a\\u0000b":1}', b'{"\\u0061":1,"b":2}',
    b'{"__proto__":{"a":1}}', b'{"a":{"a":{"a":1}}}', b'{"\xc3\xa9":1,"e\xcc\x81":2}', b'{"b":1,"a":2}', b" 1 ", b"\t1\n", b"\r\n[1]\r\n",
    b"[" * (DEPTH - 8) + b"]" * (DEPTH - 8), b'{"a":' * 40 + b"1" + b"}" * 40,
    b"[" + b"1," * 5000 + b"1]", b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(5000)) + b"}"]

NO_VALUES = [
    b" ", b"\n", b"nul", b"nulll", b"NULL", b"True", b"tru", b"falsee", b"undefined", b"NaN", b"-NaN", b"nan", b"Infinity",
    b"-Infinity", b"inf", b"+1", b"--1", b"- 1", b"-", b"01", b"-01", b"00", b"1.", b".1", b"-.1", b"1.e1", b"1e", b"1e+", b"1E-", b"1e1.5",
    b"1.2.3", b"0x10", b"0b1", b"1_000", b"1 2", b"1,000 000", b"\xef\xbc\x91", b"1a", b"1e5f", b'"', b'"a', b'a"', b"'a'", b'"\\"', b'"\\x41"',
    b'"\\a"', b'"\\0"', b'"\\u"', b'"\\u1"', b'"\\u12"', b'"\\u123"', b'"\\u12G4"', b'"\\U0041"', b'"\\u{41}"', b'"\\ud800"', b'"\\udc00"',
    b'"\\ud800\\u0041"', b'"\\ud800\\ud800"', b'"\\udc00\\ud800"', b'"\\ud800\\n"', b'"\\ud800x"', b'"\x00"', b'"\x01"', b'"\x1f"',
    b'"\t"', b'"\n"', b'"\x80"', b'"\xff"', b'"\xfe\xff"', b'"\xc0\x80"', b'"\xc0\xaf"', b'"\xc1\xbf"', b'"\xc3"', b'"\xc3\x28"', b'"\xe0\x80\x80"',
    b'"\xe0\x9f\xbf"', b'"\xe2\x82"', b'"\xed\xa0\x80"', b'"\xed\xbf\xbf"', b'"\xf0\x80\x80\x80"', b'"\xf0\x8f\xbf\xbf"', b'"\xf0\x9f\x98"',
    b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b"\xff", b"\xc3\xa9", b"[", b"]", b"[1", b"[1,", b"[1,]", b"[,1]", b"[,]",
    b"[1,,2]", b"[1 2]", b"[1;2]", b"[1:2]", b"[\"a\"", b"[1}", b"[[1]", b"[1]]", b"[1]x", b"[1]\x00", b"[1] // one", b"/* a */ 1", b"# a\n1",
    b"{", b"{]", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b'{"a":1,}', b'{,"a":1}', b'{"a" 1}', b'{"a"::1}', b'{"a":1:2}', b"{a:1}", b"{'a':1}",
    b"{1:1}", b"{null:1}", b"{[]:1}", b'{"a":}', b'{:1}', b'{"a":1 "b":2}', b'{"a":1;"b":2}', b'{"a":1,"a":1}', b'{"a":1,"b":2,"a":3}',
    b'{"a":1,"\\u0061":2}', b'{"":1,"":2}', b'{"a":{"b":1,"b":2}}', b'[{"a":1,"a":2}]', b'{"\xff":1}', b'{"\\ud800":1}', b'{"a":1}}', b"()", b"<a/>",
    b"[1]\xef\xbb\xbf", b"\xef\xbb\xbf1", b"\xef\xbb\xbf[1]", b"\xff\xfe1\x000\x00", b"\x001\x000", b"\x0c1", b"\xc2\xa01", b"\x0b1", b"1\x00", b"\x00",
    b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1), b"[" * 1000, b"]" * 1000,
    b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(5000)) + b',"k77":1}']

# Too large to write down, for doors that take them: bytes, times, bytes, times; whether it is JSON.
LARGE = [([(b"[", 500000), (b"]", 500000)], False), ([(b"[", 1000000)], False), ([(b'{"a":', 200000)], False),
         ([(b'"', 1), (b"x", 900000), (b'"', 1)], True), ([(b'"', 1), (b"\\u0000", 150000), (b'"', 1)], True),
         ([(b"1", 900000)], True), ([(b"[", 1), (b"0,", 450000), (b"0]", 1)], True), ([(b'{"a":1', 1), (b',"a":1', 100000), (b"}", 1)], False),
         ([(b'"', 1), (b"\xf0\x9f\x98\x80", 200000), (b'"', 1)], True), ([(b'"', 1), (b"\xf0\x9f\x98\x80", 200000), (b"\xf0", 1), (b'"', 1)], False)]


def cases_of(world, short, nightly=10 ** 6):
    """(bytes, whether it is JSON), as many as this size wants, in random order."""
    known = [(text, True) for text in VALUES] + [(text, False) for text in NO_VALUES]
    known = world.random.sample(known, min(len(known), world.size(short, nightly, nightly)))
    for text, good in known:
        world.plan("%s: %r", "JSON" if good else "no JSON", text[:60])
    return known


def verdicts(world, cases, command):
    """Runs `command(number, text)` -> arguments for each; all exits must be 0 or 6, as it should be."""
    def ask(number_and_case):
        number, (text, good) = number_and_case
        done = subprocess.run([world.wfctl, *command(number, text)], capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=60)
        world.inject()
        world.land()
        check(done.returncode == (0 if good else 6), "I8: %s: exit %d for %s %r\n%s", command(number, text)[0],
              done.returncode, "JSON" if good else "what is no JSON:", text[:100], done.stderr[-2000:])
        check(good or (done.stdout + done.stderr).strip(), "I8: %r was refused without a word", text[:100])
        return done.stdout
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        said = list(threads.map(ask, enumerate(cases)))
    world.checked(len(cases))
    return said


@case(52)
def hostile_definitions(world):
    """In the place of a value of a definition, which is validated."""
    before = b'{"document":{"dsl":"1.0.3","namespace":"crash","name":"x","version":"1.0.0"},"do":[{"a":{"set":{"v":'
    folder = pathlib.Path(world.cluster.dir)

    def command(number, text):
        path = folder / ("%s.%d.json" % (world.name, number))
        path.write_bytes(before + text + b"}}}]}")
        return ["validate", str(path)]
    verdicts(world, cases_of(world, 24), command)
    whole = before + b"1}}}]}"
    wholes = [(whole, True), (b"\xef\xbb\xbf" + whole, True), (whole + b"\0", False), (whole + whole, False), (whole[:-1], False),
              (whole.decode().encode("utf-16"), False), (b"", False), (b"[" * 1000000, False), (b"\xff" * 1000000, False),
              (b'{"' + b"x" * 1000000 + b'":1}', False)]

    def command_whole(number, text):
        path = folder / ("%s.whole.%d.json" % (world.name, number))
        path.write_bytes(text)
        return ["validate", str(path)]
    verdicts(world, wholes, command_whole)


def passes(db, url=None):
    """Definitions that pass their input on; with url, by way of an endpoint."""
    tasks = [{"keep": {"set": "${ . }"}}]
    if url:
        tasks.append({"send": {"call": "http", "with": {"method": "post", "endpoint": url + "/echo/x", "body": "${ . }"}}})
    db.apply("pass", tasks + [{"out": {"set": "${ . }"}}])


def output_is(db, wanted):
    """Every one of these runs (id -> bytes) has completed and gave these very bytes: by the view, and as wfctl says
    it."""
    outputs = dict(line.split(" ", 1) for line in db.psql(
        "select id || ' ' || coalesce(encode(convert_to(output::text, 'UTF8'), 'hex'), status) from stepwell.runs").splitlines())
    bad = [(run, text[:60], outputs.get(run, "")[:80]) for run, text in wanted.items() if outputs.get(run) != text.hex()]
    check(not bad, "I4: outputs that are not the inputs: %s", some(bad))


def views_are_readable(world, db, runs):
    """Whatever was stored can be looked at: by the views and by wfctl."""
    db.psql("select count(output::text), count(input::text) from stepwell.runs; select count(output::text), count(path), "
            "count(step_id) from stepwell.steps; select count(data::text) from stepwell.journal")
    for run in world.random.sample(sorted(runs), min(len(runs), world.size(1, 20, 60))):
        for words in (["status", run, "-o", "json"], ["status", run], ["history", run, "-o", "jsonl"]):
            out = db.cli(*words, expect=0)[1]
            if words[-1] == "json":
                json.loads(out)


@case(52)
def hostile_inputs(world):
    """As --input of `start`, and by SQL, where Postgres has other ideas of what JSON is."""
    db, folder = world.db, pathlib.Path(world.cluster.dir)
    passes(db, world.recorder.url)
    chosen = cases_of(world, 16)

    def command(number, text):
        path = folder / ("%s.%d.input" % (world.name, number))
        path.write_bytes(text)
        return ["start", "crash/pass", "--input", "@%s" % path, "-o", "json", "--db", db.conninfo]
    said = verdicts(world, chosen, command)
    wanted = {json.loads(out)["id"]: text.strip() for (text, good), out in zip(chosen, said) if good}
    refused = []
    for text, good in chosen:  # in UTF-8, and without NUL, or psql does not get that far
        if good or b"\0" in text or not is_utf8(text):
            continue
        out = db.psql("create or replace function pg_temp.try(t text) returns text language plpgsql as $$ begin "
                      "return stepwell.start('crash/pass', t::json); exception when data_exception then return ''; end $$;\n"
                      "select pg_temp.try(%s)" % quoted(text)).strip()
        refused += [out] if out else []
    worker = world.worker()
    db.wait_idle(60)
    world.check_workers()
    output_is(db, wanted)
    ends = {r["id"]: r["status"] for r in db.rows("select id, status from stepwell.runs")}
    bad = [(run, ends[run]) for run in refused if ends[run] != "faulted"]
    check(not bad, "I8: no JSON, but not faulted: %s", some(bad))
    check(len(ends) == len(wanted) + len(refused), "I1: %d runs, not %d", len(ends), len(wanted) + len(refused))
    journal_is_whole(db)
    views_are_readable(world, db, ends)
    check(worker.alive(), "I8: the worker has ended")
    world.checked(len(refused))
    world.note("%d inputs passed, %d came by SQL and faulted", len(wanted), len(refused))


def is_utf8(text):
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def quoted(text):
    return "convert_from(decode('%s', 'base64'), 'UTF8')" % base64.b64encode(text).decode()


@case(52)
def hostile_answers(world):
    """As the answer of an endpoint that applies whatever comes: stored or a terminal error, never sent again."""
    db = world.db
    db.apply("ask", [{"send": {"call": "http", "with": {
        "method": "post", "endpoint": "${ \"%s/hex/\" + $workflow.id + \"/send?body=\" + $workflow.input.body }" % world.recorder.url}}}])
    # A mark of the order of bytes before an answer is passed over (RFC 8259, 8.1, allows it).
    cases = [(text, good or text.removeprefix(b"\xef\xbb\xbf") in (b"1", b"[1]")) for text, good in cases_of(world, 50)]
    chosen = [([(text, 1)], good) for text, good in cases] + world.random.sample(LARGE, world.size(3, 10, 10))
    ids = db.start_with("ask", [{"body": ",".join("%s*%d" % (piece.hex(), n) for piece, n in pieces)} for pieces, _ in chosen])
    worker = world.worker("--concurrency", "4")
    db.wait_idle(120)
    world.check_workers()
    wanted = {run: b"".join(piece * n for piece, n in pieces).removeprefix(b"\xef\xbb\xbf").strip() for run, (pieces, good) in zip(ids, chosen) if good}
    output_is(db, wanted)
    ends = {r["id"]: r for r in db.rows("select id, status, error ->> 'type' as type from stepwell.runs")}
    for run, (pieces, good) in zip(ids, chosen):
        check(ends[run]["status"] == ("completed" if good else "faulted"), "I8: %r: %s", pieces[0][0][:60], ends[run])
        check(good or ends[run]["type"].endswith("/communication"), "I8: %r: %s", pieces[0][0][:60], ends[run])
    records = records_of(world.recorder)
    again = [(run, len(found)) for (run, _), found in records.items() if len(found) != 1]
    check(not again and len(records) == len(ids), "I3: not sent once: %s of %d", some(again), len(records))
    journal_is_whole(db)
    views_are_readable(world, db, ids)
    check(worker.alive(), "I8: the worker has ended")
    world.inject(len(ids))
    world.land(len(ids))
    world.checked(len(ids))


# What Postgres may give, and what comes of it; None: an error of the step.
RESULTS = [
    ("'{\"a\": 1}'::json", b'{"a": 1}'), ("'[1.0, 1e400]'::json", b"[1.0, 1e400]"), ("'\"\\u0000\"'::json", b'"\\u0000"'),
    ("'NaN'::float8", b'"NaN"'), ("'Infinity'::float8", b'"Infinity"'), ("'-Infinity'::float4", b'"-Infinity"'),
    ("'NaN'::numeric", b'"NaN"'), ("1e400::numeric", b"1" + b"0" * 400), ("9223372036854775807::int8", b"9223372036854775807"),
    ("0.1000::numeric", b"0.1000"), ("null::json", b"null"), ("'null'::json", b"null"), ("E'a\\u0001\\n\"\\\\'::text", b'"a\\u0001\\n\\"\\\\"'),
    ("'\\x00ff'::bytea", b'"\\\\x00ff"'), ("repeat('x', 500000)", b'"' + b"x" * 500000 + b'"'),
    ("'{\"a\":1,\"a\":2}'::jsonb", b'{"a": 2}'), ("'\"\\u0000\"'::jsonb", None), ("'nul'::json", None), ("convert_from('\\xff', 'UTF8')", None),
    ("repeat('x', 2000000)", None), ("'{\"a\":1,\"a\":2}'::json", b'"{\\"a\\":1,\\"a\\":2}"'), ("'\"\\ud800\"'::json", b'"\\"\\\\ud800\\""'),
    ("(repeat('[', 65) || repeat(']', 65))::json", b'"' + b"[" * 65 + b"]" * 65 + b'"'),
    ("(repeat('[', 60) || repeat(']', 60))::json", b"[" * 60 + b"]" * 60)]


@case(52)
def hostile_results(world):
    """As a value of a statement that also writes a row: both are there, or neither."""
    db = world.db
    db.psql("create table effect (run_id text)")
    names = {}
    for number, (value, wanted) in enumerate(RESULTS):
        name = "r%d" % number
        names[name] = (value, wanted)
        db.apply(name, [{"ask": {"call": "sql", "with": {"output": "value", "parameters": ["${ $workflow.id }"], "statement":
                 "with w as (insert into effect values ($1)) select %s" % value}}}])
    runs = {db.start(name, 1)[0]: name for name in names}
    worker = world.worker()
    db.wait_idle(60)
    world.check_workers()
    output_is(db, {run: names[name][1] for run, name in runs.items() if names[name][1] is not None})
    rows = {r["run_id"]: r["n"] for r in db.rows("select run_id, count(*) as n from effect group by 1")}
    ends = {r["id"]: r["status"] for r in db.rows("select id, status from stepwell.runs")}
    for run, name in runs.items():
        value, wanted = names[name]
        check(ends[run] == ("faulted" if wanted is None else "completed"), "I8: %s: %s", value[:60], ends[run])
        check(rows.get(run, 0) == (wanted is not None), "I4: %s: %s, and %d rows", value[:60], ends[run], rows.get(run, 0))
    journal_is_whole(db)
    views_are_readable(world, db, runs)
    check(worker.alive(), "I8: the worker has ended")
    world.inject(len(runs))
    world.land(len(runs))
    world.checked(2 * len(runs))
