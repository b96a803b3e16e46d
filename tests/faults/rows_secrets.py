"""Secrets (59): the canaries, requests and searches of test_secrets.py, while workers are killed in the middle of
them, also by signals that leave a core file."""
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from catalogue import case
from harness import ROOT, Repeated, check, check_landed, wait_for
from judges import Verdict, journal_is_whole, kills_that_hit
from rows_crash import NO_POISON, pick

sys.path.insert(0, str(ROOT / "tests" / "language"))
import test_secrets  # noqa: E402

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGABRT, signal.SIGQUIT)
# Secrets that no process is given.
NOT_GIVEN = ("url", "bad404", "late", "notjson", "broken", "unused")


class Place:
    """What test_secrets plants its secrets in: a folder, and variables."""

    def __init__(self, db, recorder):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="secrets.", dir=db.cluster.dir))
        self.work = self.folder / "work"  # where workers are, and would leave a core file
        self.secrets = self.folder / "secrets"
        for path in (self.work, self.secrets):
            path.mkdir()
        self.recorder, self.variables = recorder, {}

    secret = test_secrets.World.secret


def core_files(place):
    return [path.name for path in place.work.iterdir() if path.name.startswith("core")]


def leaves_cores(place, by):
    """Whether a process that is no worker leaves a core file there."""
    subprocess.run([*by, "sh", "-c", "kill -QUIT $$"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = core_files(place)
    for name in found:
        (place.work / name).unlink()
    return bool(found)


class Watch(Repeated):
    """Looks at the arguments and environments of workers and of what they start, again and again."""

    def __init__(self, pool, canaries, not_given):
        self.pool, self.canaries, self.not_given = pool, canaries, not_given
        self.found, self.seen = [], set()
        super().__init__(self.look_at_all, 0.03)

    def below(self, pid):
        with contextlib.suppress(OSError), open("/proc/%d/task/%d/children" % (pid, pid)) as children:
            for child in children.read().split():
                yield int(child)
                yield from self.below(int(child))

    def look(self, pid, worker):
        with contextlib.suppress(OSError):
            words = pathlib.Path("/proc/%d/cmdline" % pid).read_bytes()
            self.found += ["arguments %r: %s" % (words, f) for f in self.canaries.find(words)]
            environment = pathlib.Path("/proc/%d/environ" % pid).read_bytes().decode("latin-1")
            # A worker takes them out of its environment itself; what it starts shares its memory until it is a program.
            is_worker = worker is None or b"\0--suspect\0" in words or words == worker
            self.found += ["environment of %r: %s" % (words, text) for text in self.not_given
                           if not is_worker and text in environment]
            self.seen.add(pid)
            return words
        return None

    def look_at_all(self):
        for worker in list(self.pool.workers):
            words = self.look(worker.pid, None)
            for pid in list(self.below(worker.pid)):
                self.look(pid, words or b"")


def apply_all(db, place, echo, names):
    """good, bad and held: as test_secrets has them."""
    url = place.recorder.url
    use = {"secrets": names, "functions": {
        "f": test_secrets.call("post", url + "/json/f", body="${ $secrets.object }")}}
    good, bad = test_secrets.successes(url), test_secrets.failures(url, echo.url)
    db.apply("good", [{name: task} for name, task in good.items()], use=use)
    db.apply("bad", [test_secrets.guarded(name, task) for name, task in bad.items()], use=use)
    db.apply("held", [{"held": dict(test_secrets.call(
        "post", "${ \"%s/drop_after_apply/\" + $workflow.id }" % url, body="${ $secrets.s }"),
        metadata={"onUncertain": "hold"})}], use=use)
    return len(good), len(bad)


def kill_some(world, db, pool, kills):
    """Of workers that have something under way, by signals of all kinds; there is always something to do. The ids
    of all runs."""
    ids = {"good": [], "bad": [], "held": []}
    for turn in range(kills):
        if db.active() < 4:
            for name, found in ids.items():
                found += db.start(name, 2)
        pause, choice, number = world.random.uniform(0.05, 0.3), world.random.random(), world.random.choice(SIGNALS)
        world.plan("after %.3f s kill busy %.3f by signal %d", pause, choice, number)
        time.sleep(pause)
        wait_for(lambda: pool.busy() or not db.active(), 30, "a worker is busy", 0.01)
        index = pick(pool.busy() or range(len(pool.workers)), choice)
        # Before that it is not yet `wfctl` that runs, but what starts it.
        pool.killed.append(pool.workers[index].wait_registered())
        pool.workers[index].end(number)
        pool.replace(index)
        world.inject()
    return ids


def shown(db, run):
    """Everything that wfctl says of a run."""
    for words in (["status", run], ["history", run], ["graph", run], ["retry", run, "--dry-run"]):
        for form in ("text", "json"):
            if words[0] != "graph" or form == "text":
                code, out, err = db.cli(*words, "-o", form)
                yield "wfctl %s -o %s: %d" % (" ".join(words), form, code), out + err


@case(59, long=True)
def canaries_under_kills(world):
    """Workers die in the middle of requests that hold secrets, of all kinds and of all kinds of failure; no secret
    is in the database, the logs, what wfctl shows, arguments, others' environments, files, or a core file."""
    db, recorder, verdict = world.db, world.new_recorder(bodies=True), Verdict()
    place, canaries = Place(db, recorder), test_secrets.Canaries(world.seed)
    canaries.random = world.random
    names = test_secrets.plant(place, canaries)
    values = {path.name: path.read_text() for path in place.secrets.iterdir()}
    values.update({name[len(test_secrets.PREFIX):]: value for name, value in place.variables.items()})
    not_given = [text for text in canaries.texts if any(
        text in value for name, value in values.items() if name.startswith(NOT_GIVEN))]
    by = ("prlimit", "--core=unlimited", "env", "-C", str(place.work))
    cores = leaves_cores(place, by)
    kills = world.size(5, 120, 2000)
    with contextlib.closing(test_secrets.Echo()) as echo:
        good, bad = apply_all(db, place, echo, names)
        with world.pool(2, "--allow-run", "--secrets", str(place.secrets), "--secret-env", test_secrets.PREFIX,
                        "--env", "PATH", "--env", test_secrets.PREFIX + "unused", *NO_POISON,
                        by=by, env=place.variables) as pool, Watch(pool, canaries, not_given) as watch:
            ids = kill_some(world, db, pool, kills)
            db.wait_idle(world.size(60, 600, 3000))
            pool.wait_ready()  # the last one killed was replaced a moment ago
            pool.drain()
    logs = "".join(worker.output() for worker in pool.all())
    check("Sanitizer" not in logs, "I8: %s", logs[-3000:])
    ends = {r["name"]: r["n"] for r in db.rows("select name || ' ' || status as name, count(*) as n from stepwell.runs "
                                               "group by 1")}
    runs = len(ids["good"])
    check(ends == {"good completed": runs, "bad completed": runs, "held suspended": runs}, "I1: %s\n%s", ends, db.rows(
        "select name, error from stepwell.runs where error is not null limit 3"))
    journal_is_whole(db)
    sent = json.dumps(recorder.records())
    check_landed(len(canaries.find(sent)) > 5, "hardly a secret was sent, or the search finds none")
    check_landed(len(watch.seen) > 2 * runs, "hardly a process was seen")
    places = [("the logs", logs), ("the database", subprocess.run(
        [db.cluster.bin + "/pg_dump", "--inserts", "-d", db.conninfo], check=True, capture_output=True).stdout)]
    chosen = [run for found in ids.values() for run in world.random.sample(found, min(runs, world.size(2, 10, 30)))]
    places += [found for run in chosen for found in shown(db, run)]
    places += [(str(path), path.read_bytes()) for path in place.work.rglob("*") if path.is_file()]
    for what, text in places + [("list", "".join(db.cli("list")[1:]))]:
        verdict.none(canaries.find(text), "I9: in %s" % what)
    verdict.none(sorted(set(watch.found))[:5], "I9: in /proc")
    verdict.none(core_files(place), "I9: a core file")
    verdict.end()
    taken, _ = kills_that_hit(db, pool.killed)
    world.land(taken)
    world.checked(len(places) + len(watch.seen))
    world.note("%d canaries, %d steps, %d processes seen%s", len(canaries.texts), runs * (good + bad + 1),
               len(watch.seen), "" if cores else "; no core files here, so none were looked for")
