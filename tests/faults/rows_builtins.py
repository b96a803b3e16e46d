"""Every builtin of jq 1.6 on what it was not made for (row 54): no worker dies, no run is suspended, no evaluation takes more of the processor than its limit
allows, and what others do meanwhile goes on."""
import contextlib
import json
import pathlib
import threading
import time

from catalogue import case
from expressions import expressions, values
from harness import Repeated, check, http_steps, is_evaluator, lines_of, wait_for
from judges import journal_is_whole

LIMIT = 1.0    # seconds of the processor, as documented
BY_BYTE = 0.2  # seconds, of what it sees, for each MiB
LATE = 0.1     # may be seen so late
PAUSE = 0.005


class Watch(Repeated):
    """How much of the processor each process that evaluates for a worker has used, as the kernel counts it: also of one that is dead until it is reaped."""

    def __init__(self, worker):
        super().__init__(self.look, PAUSE)
        self.pid, self.used, self.began = worker.pid, {}, {}

    def look(self):
        with contextlib.suppress(OSError), open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as children:
            for pid in children.read().split():
                with contextlib.suppress(OSError), open("/proc/%s/schedstat" % pid) as stat:
                    if pid in self.used or is_evaluator(pid):
                        self.used[pid] = int(stat.read().split()[0]) / 1e9

    def begin(self):
        """What is used from now on counts."""
        self.look()
        self.began = dict(self.used)

    def most(self):
        """Of one process."""
        self.look()
        return max((used - self.began.get(pid, 0) for pid, used in self.used.items()), default=0)


def register(world, texts):
    """[(name, text)] of those that `apply` takes: one that does not compile is refused there."""
    taken = []
    for number, text in enumerate(texts):
        name = "builtin%d" % number
        path = pathlib.Path(world.cluster.dir, "%s-%s.json" % (world.name, name))
        path.write_text(json.dumps({"document": {"dsl": "1.0.3", "namespace": "crash", "name": name, "version": "1.0.0"},
                                    "do": [{"run": {"set": {"v": "${ .v | (%s) }" % text}}}]}))
        code, _, said = world.db.cli("apply", str(path))
        check(code in (0, 3) or "does not compile" in said or "rror" in said, "apply of %s: exit %d: %s", text, code, said[:500])
        if code == 0:
            taken.append((name, text))
    return taken


def start(db, name, value):
    return db.psql("select stepwell.start('crash/%s', $inputs$%s$inputs$::json)" % (name, '{"v": %s}' % value)).strip()


@case(54, alone_in_full=True)
def every_builtin(world):
    """One after the other."""
    db, known = world.db, values()
    taken = register(world, expressions(world.random, world.size(12, 300, 3000)))
    check(len(taken) > world.size(2, 150, 1500), "only %d compile", len(taken))
    worker = world.worker("--poll", "100ms")
    over, statuses = [], {}
    with Watch(worker) as watch:
        for name, text in taken:
            value = world.random.choice(known)
            world.plan("%s on %.60s", text, value)
            watch.begin()
            run = start(db, name, value)
            db.wait_idle(60, "%s on %.80s ends" % (text, value))
            limit = LIMIT + BY_BYTE * len(value) / (1 << 20)
            over.append((watch.most() - limit, text, value[:80]))
            row = db.rows("select status, error ->> 'title' as title from stepwell.runs where id = '%s'" % run)[0]
            statuses[row["status"]] = statuses.get(row["status"], 0) + 1
            world.inject()
            world.land()
            check(row["status"] in ("completed", "faulted"), "I5: %s on %.80s: %s", text, value, row)
            check(worker.alive(), "I8: %s on %.80s ended the worker", text, value)
    journal_is_whole(db)
    world.check_workers()
    world.checked(len(taken))
    world.figure("most beyond the limit s", max(over)[0])
    world.note("%d expressions, %s; nearest to its limit: %.3f s beyond, %s on %s", len(taken), statuses, *max(over))
    late = [item for item in over if item[0] > LATE + world.sanitized * 20]
    check(not late, "I5: %d evaluations were late: %s", len(late), late[:5])


def arrivals(recorder, seconds):
    """How many requests come in that time, for each second of it."""
    with open(recorder.log, "rb") as log:
        log.seek(0, 2)
        began = time.monotonic()
        time.sleep(seconds)
        return log.read().count(b"\n") / (time.monotonic() - began)


@case(54, alone_in_full=True)
def others_beside_builtins(world):
    """Runs of HTTP steps before and while such expressions are evaluated by the same worker, in turns."""
    db, recorder, known = world.db, world.recorder, values()
    taken = register(world, expressions(world.random, world.size(6, 100, 400)))
    turns, seconds = world.size(1, 8, 20), world.size(1, 3, 5)
    db.apply("steady", [{"all": {"for": {"each": "i", "in": "${ [range(3000)] }"}, "do": http_steps(recorder.url, 1, "/delay/40")}}])
    worker = world.worker("--poll", "100ms", "--concurrency", "8")
    db.start("steady", 4)
    wait_for(lambda: lines_of(recorder) > 20, 60, "the runs go on")
    before, beside = [], []
    for turn in range(turns):
        before.append(arrivals(recorder, seconds))
        left, thrower = threading.Event(), None

        def throw():
            while not left.is_set():
                name, text = world.random.choice(taken)
                world.plan("%s", text)
                start(db, name, world.random.choice(known[:20]))
                world.inject()
                world.land()
                left.wait(0.3)
        thrower = threading.Thread(target=throw)
        thrower.start()
        beside.append(arrivals(recorder, seconds))
        left.set()
        thrower.join()
    check(worker.alive(), "I8: the worker has ended")
    ratio = sum(beside) / max(1e-9, sum(before))
    suspended = db.count("stepwell.runs where status = 'suspended'")
    check(suspended == 0, "I5: %d runs are suspended", suspended)
    world.checked(turns)
    world.figure("rate", ratio)
    world.note("others ran at %.0f %% of their rate (%.0f a second)", 100 * ratio, sum(before) / turns)
    check(min(before) > 0 and min(beside) > 0, "I5: they stood: %s, %s", before, beside)
    check(world.size(True, ratio >= 0.9, ratio >= 0.9), "I5: others ran at %.0f %% of their rate", 100 * ratio)
