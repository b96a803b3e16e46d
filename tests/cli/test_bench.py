#!/usr/bin/env python3
"""The benchmark's short size: counts, the shape of its lines, and that its checks can fail. Times mean
nothing here.

    test_bench.py [NAME...]    only the cases with NAME in their name

Finds the program in WFCTL, with the programs of bench/ beside it (it builds them), and an empty
database in DATABASE_URL. Prints TAP lines. Standard library only."""
import contextlib
import io
import json
import math
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import definitions  # noqa: E402
import goals  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
import server  # noqa: E402
import sizes  # noqa: E402
import table  # noqa: E402
import verify  # noqa: E402
from processes import Child, Failure, check, wait_for  # noqa: E402

WFCTL = os.path.abspath(os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
PROGRAMS = os.path.dirname(WFCTL)
RUN = [sys.executable, str(ROOT / "bench" / "run.py"), "--wfctl", WFCTL, "--fsync", "off"]
BENCHES = {"life", "raw", "pure", "latency", "evaluator", "starts", "claims", "takeover", "http", "memory", "growth",
           "long", "timers", "idle"}


class Place:
    """What the modules of bench/ want of a server: here that of the test."""

    def __init__(self):
        self.bin, self.dir, self.wfctl = server.postgres_bin(), tempfile.mkdtemp(prefix="bench."), WFCTL
        os.chmod(self.dir, 0o711)

    def file(self, name):
        return "%s/%s" % (self.dir, name)

    def conninfo(self, database):
        return database


PLACE = Place()


def bench(*arguments):
    return subprocess.run([*RUN, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=600)


class Measured:
    """One run of everything, for several cases."""

    done = None

    @classmethod
    def get(cls):
        if not cls.done:
            cls.done = bench("--set", "idle.seconds=1")
        return cls.done

    @classmethod
    def lines(cls):
        return [json.loads(line) for line in cls.get().stdout.splitlines()]

    @classmethod
    def figures(cls):
        return [line for line in cls.lines() if "metric" in line]


def all_benches_succeed():
    done = Measured.get()
    check(done.returncode == 0, "exit %d: %s", done.returncode, done.stderr[-3000:])
    errors = [line for line in Measured.lines() if "error" in line]
    check(not errors, "%s", errors)
    check({line["bench"] for line in Measured.figures()} == BENCHES, "not every bench gave a figure")


def lines_have_their_shape():
    first, *others = Measured.lines()
    check(list(first) == ["session"] and first["session"]["settings"]["shared_buffers"]
          and first["session"]["filesystem"] not in machine.NOT_A_DISK, "the session: %s", first)
    for line in others:
        check({"bench", "metric", "value", "unit", "min", "max", "spread", "repeats", "parameters"}
              <= set(line), "members: %s", line)
        numbers = [line["min"], line["value"], line["max"]]
        check(all(math.isfinite(n) for n in numbers) and numbers == sorted(numbers), "order: %s", line)
        check(("ratio" in line) == ("ratio_of" in line), "a ratio is of something: %s", line)
        check(("goal" in line) == ("met" in line), "a goal is met or not: %s", line)


def figure(bench_name, metric, **parameters):
    found = [line for line in Measured.figures() if (line["bench"], line["metric"]) == (bench_name, metric)
             and parameters.items() <= line["parameters"].items()]
    check(found, "no figure %s of %s with %s", metric, bench_name, parameters)
    return found[0]["value"]


def counts_are_exact():
    short = sizes.SIZES["short"]
    runs = short["life"]["runs"]
    check(figure("life", "steps_in_journal", how="overlapped") == runs * 10, "steps of a whole life")
    check(figure("life", "rows_in_journal") >= runs * 12, "rows of a whole life")
    check(figure("timers", "fired") == short["timers"]["timers"], "timers")
    check(figure("http", "commits_per_step") > 0 and figure("life", "wal_per_step") > 100,
          "commits and WAL are counted")
    check(0 < figure("life", "commits_per_step") < 1, "steps share commits")


def every_goal_has_its_figure():
    measured = {(line["bench"], line["metric"]) for line in Measured.figures()}
    missing = [goal.text for goal in goals.GOALS if (goal.bench, goal.metric) not in measured]
    check(not missing, "nothing measures: %s", missing)
    for goal in goals.GOALS:
        parameters = next(line["parameters"] for line in Measured.figures()
                          if (line["bench"], line["metric"]) == (goal.bench, goal.metric))
        check(set(goal.where) <= set(parameters), "%s looks for %s in %s", goal.text, goal.where,
              parameters)


def line_of(values, ratios=None, **parameters):
    with contextlib.redirect_stdout(io.StringIO()):
        r = report.Report()
        r.figure(parameters.pop("bench"), parameters.pop("metric"), values, "", ratios, "x" if ratios
                 else None, **parameters)
    return r.lines[0]


def goals_judge_the_median():
    of = {"bench": "life", "metric": "steps_per_second", "runs": 10000, "how": "overlapped"}
    check(line_of([1, 60000, 90000], **of)["met"] is True, "the median reaches it")
    check(line_of([59999, 59999, 90000], **of)["met"] is False, "the median does not")
    check("goal" not in line_of([60000], **dict(of, runs=9999)), "too few runs are not judged")
    of = {"bench": "latency", "metric": "step_p50", "steps": 1000}
    check(line_of([100], [1.5], **of)["met"] is True and line_of([100], [1.6], **of)["met"] is False,
          "a goal of a ratio")


def tables_show_every_figure():
    done = subprocess.run([sys.executable, str(ROOT / "bench" / "table.py")], text=True,
                          input=Measured.get().stdout, capture_output=True)
    check(done.returncode == 0, "table.py: %s", done.stderr)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    check(len(rows) == len(Measured.figures()) + len(goals.GOALS) + 4, "%d rows", len(rows))
    text = table.as_text(Measured.lines())
    check(all(line["metric"].replace("_", " ") in text for line in Measured.figures()), "the text")
    check(text in Measured.get().stderr, "the table stands on standard error")


def finished_runs(count, steps):
    """A session on the test's database, where so many runs have ended."""
    conninfo = os.environ["DATABASE_URL"]
    path = definitions.write(PLACE.dir, definitions.sets("life", steps, True))
    for arguments in (["migrate"], ["apply", path]):
        subprocess.run([WFCTL, *arguments, "--db", conninfo], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
    session = server.Psql(PLACE, conninfo)
    session.rows("select stepwell.start('bench/life', '{\"n\": 1}', 'key-' || i) "
                 "from generate_series(1, %d) i" % count)
    subprocess.run([WFCTL, "worker", "--until-idle", "--db", conninfo], check=True,
                   stdin=subprocess.DEVNULL, timeout=120)
    return session


def a_wrong_journal_is_noticed():
    session, all_ids = finished_runs(5, 3), "00000000-0000-0000-0000-000000000000"
    arguments = (session, all_ids, 5, 3, "key", 3)
    verify.verify_runs(*arguments)
    one = "(select run_id from stepwell.entry order by 1 limit 1)"
    for what, sql in {
        "a step is missing": "delete from stepwell.entry where run_id = %s and seq = 4" % one,
        "a step stands there twice": "insert into stepwell.entry select run_id, 99, at, kind, path, "
                                     "attempt, data from stepwell.entry where run_id = %s and seq = 4" % one,
        "a run has not ended": "update stepwell.run set status = null where id = %s" % one,
        "a key is gone": "delete from stepwell.start_key where key = 'key-2'",
        "two keys have one run": "update stepwell.start_key set run_id = %s" % one,
        "a lease is left": "insert into stepwell.lease (run_id, definition_id, due) "
                           "select id, definition_id, now() from stepwell.run limit 1",
    }.items():
        session.rows("begin")
        session.rows(sql)
        try:
            verify.verify_runs(*arguments)
        except Failure:
            pass
        else:
            raise Failure("not noticed: " + what)
        session.rows("rollback")
    verify.verify_runs(*arguments)
    session.close()


def processes_below(folder):
    return [pid for pid in os.listdir("/proc") if pid.isdigit()
            and folder in machine.read("/proc/%s/cmdline" % pid)]


def an_interrupted_bench_leaves_nothing():
    if machine.filesystem_of(PLACE.dir)[0] in machine.NOT_A_DISK:
        return  # it would go elsewhere
    child = Child("bench", [*RUN, "--set", "timers.window=1000", "timers"], PLACE.file("bench.log"),
                  death="TERM", env=dict(os.environ, TMPDIR=PLACE.dir))
    try:
        wait_for(lambda: len([p for p in processes_below(PLACE.dir) if "worker" in machine.read(
            "/proc/%s/cmdline" % p)]) == 1, 120, "a worker is up", 0.05, [child])
        code = child.end(signal.SIGINT)
    finally:
        child.end(signal.SIGTERM)
    check(code == 128 + signal.SIGINT, "exit %d: %s", code, child.said())
    wait_for(lambda: not processes_below(PLACE.dir + "/stepwell-bench"), 10, "all processes are gone")
    left = [name for name in os.listdir(PLACE.dir) if name.startswith("stepwell-bench")]
    check(not left, "it left %s", left)


def bad_arguments_are_refused():
    for arguments, said in ((["nothing"], "no bench nothing"), (["--set", "life.speed=1"], "life.runs"),
                            (["--set", "life.runs=many"], "not a number")):
        done = bench(*arguments)
        check(done.returncode != 0 and said in done.stderr, "%s: exit %d: %s", arguments, done.returncode,
              done.stderr)


def request(body, *more):
    return ("POST /step HTTP/1.1\r\nHost: x\r\n%s\r\n%s" % (
        "".join(h + "\r\n" for h in ("Content-Length: %d" % len(body), *more)), body)).encode()


def receive(peer, count):
    """`count` answers' bodies."""
    data = b""
    while data.count(b"\r\n\r\n{") < count or not data.endswith((b"}", b"}\n")):
        more = peer.recv(4096)
        check(more, "the stub closed: %r", data)
        data += more
    check(data.count(b"HTTP/1.1 200 OK") == count, "%r", data)
    return data


def stub(*arguments):
    out = PLACE.file("port.%d" % Child.count_next())
    with open(out, "w") as port:
        child = Child("http_stub", [PROGRAMS + "/bench_http_stub", *arguments], out + ".log", stdout=port)
    number = wait_for(lambda: machine.read(out).strip(), 20, "the stub listens", 0.01, [child])
    return child, socket.create_connection(("127.0.0.1", int(number)), timeout=20)


def the_stub_keeps_connections_and_counts():
    child, peer = stub()
    whole = request('{"n": 1}')
    peer.sendall(whole + whole)
    receive(peer, 2)
    for part in (whole[:20], whole[20:-3], whole[-3:] + whole[:5], whole[5:]):
        peer.sendall(part)
        time.sleep(0.02)  # so that they arrive apart
    receive(peer, 2)
    peer.sendall(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
    said = receive(peer, 1)
    check(b'"requests":4,"held":0,"connections":1' in said, "%r", said)
    peer.close()
    child.end()


def the_stub_answers_late():
    child, peer = stub("--delay", "200")
    began = time.monotonic()
    peer.sendall(request("{}"))
    other = socket.create_connection(peer.getpeername(), timeout=20)
    other.sendall(request("{}"))
    other.close()  # its answer has nobody left
    receive(peer, 1)
    check(time.monotonic() - began >= 0.19, "it came too early")
    peer.close()
    child.end()


def the_stub_lets_go():
    child, peer = stub("--delay", "600000")
    peer.sendall(request("{}"))
    other = socket.create_connection(peer.getpeername(), timeout=20)
    other.sendall(b"GET /release HTTP/1.1\r\nHost: x\r\n\r\n")
    receive(other, 1)
    receive(peer, 1)
    peer.sendall(request("{}"))
    receive(peer, 1)
    for connection in (peer, other):
        connection.close()
    child.end()


CASES = [all_benches_succeed, lines_have_their_shape, counts_are_exact, every_goal_has_its_figure,
         goals_judge_the_median, tables_show_every_figure, a_wrong_journal_is_noticed,
         an_interrupted_bench_leaves_nothing, bad_arguments_are_refused,
         the_stub_keeps_connections_and_counts, the_stub_answers_late, the_stub_lets_go]


def main():
    subprocess.run(["ninja", "--quiet", "-C", PROGRAMS, "bench_raw", "bench_evaluator", "bench_http_stub"], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    selected = [case for case in CASES if not sys.argv[1:]
                or any(part in case.__name__ for part in sys.argv[1:])]
    failed = 0
    for number, case in enumerate(selected, 1):
        try:
            case()
            print("ok %d - %s" % (number, case.__name__), flush=True)
        except Exception as e:  # whatever it is, it is this case's failure
            failed += 1
            print("not ok %d - %s" % (number, case.__name__))
            print("# " + (str(e) if isinstance(e, Failure) else traceback.format_exc()).replace(
                "\n", "\n# "), flush=True)
        finally:
            Child.end_all_but([])
    print("1..%d" % len(selected))
    shutil.rmtree(PLACE.dir, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
