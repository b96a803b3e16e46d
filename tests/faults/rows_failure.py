"""Allocations and system calls that fail, at each point of a run that has all kinds of steps (that of
rows_sweep.py): the worker goes on, ends with a documented code, or ends for want of memory, and
another one finishes what it left."""
import collections
import concurrent.futures
import os
import shutil
import signal
import subprocess
import threading
import time

from catalogue import case
from harness import Missing, Worker, check, preload, shim
from judges import OPS
from rows_sweep import QUICKLY, Slot
from servers import die_with_us

CODES = (0, 1, 7)  # documented ones that a worker may end with
# What calls may answer. Those for memory are the other case's. A send that fails on a socket that is
# otherwise fine is not among them: libpq counts on the socket to say so when it is read, as real ones do.
CALLS = [("socket", "EMFILE"), ("socket", "ENOMEM"), ("connect", "EINTR"), ("sendto", "EINTR"),
         ("recvfrom", "EINTR"), ("recvfrom", "EIO"),
         ("recvfrom", "ENOMEM"), ("read", "EINTR"), ("read", "EIO"), ("write", "EINTR"), ("write", "EIO"),
         ("write", "ENOSPC"), ("openat", "EMFILE"), ("openat", "EIO"), ("epoll_wait", "EINTR"),
         ("epoll_ctl", "ENOMEM"), ("pipe2", "EMFILE"), ("eventfd2", "EMFILE"), ("clone", "ENOMEM"),
         ("clone3", "ENOMEM"), ("poll", "EINTR"),
         ("fcntl", "EINTR"), ("getsockopt", "ENOMEM"), ("setsockopt", "ENOMEM"), ("wait4", "EINTR")]


class FailureSlot(Slot):
    """One whose worker is under a fault; what it has faulted is retried."""

    def __init__(self, world):
        super().__init__(world, None)
        self.ends = collections.Counter()
        self.faulted = 0
        self.slowest = (0, "")

    def finish(self, run):
        """The next worker is in good health."""
        status = self.status(run)
        if status == "faulted":
            self.db.cli("retry", run, expect=0)
            self.faulted += 1
            self.deaths[run] += 1
        self.work_out(run)
        check(self.status(run) == "completed", "I1: the run is %s\n%s", self.status(run),
              self.db.cli("status", run)[1])

    def end_of(self, worker, what):
        try:
            return worker.process.wait(60)
        except subprocess.TimeoutExpired:
            worker.end()
            check(False, "I5: %s: the worker hangs: %s\n%s", what, worker.output()[-2000:], self.db.stuck())

    def trial(self, what, allowed, env=None, by=()):
        """A run under a fault, then its rest; whether the library says that it did its work."""
        run = self.db.start("sweep", 1)[0]
        self.runs.append(run)
        began = time.monotonic()
        worker = Worker(self.db, QUICKLY, env, by=by)
        code = self.end_of(worker, what)
        self.slowest = max(self.slowest, (time.monotonic() - began, what))
        lines = worker.output().splitlines()
        said = "\n".join(line for line in lines if not line.startswith("fail_at: "))
        self.ends[code] += 1
        loading = code == 127 and "loading shared libraries" in said  # it was not running yet
        check(code in allowed or loading, "I8: %s: exit %s\n%s", what, code, said[-3000:])
        # Libraries use what they have not got: ours must not.
        check(code != -signal.SIGSEGV or "signal 11 in lib" in said, "I8: %s: %s", what, said[-3000:])
        check(code <= 0 or said.strip(), "I8: %s: exit %s without a word", what, code)
        check("Sanitizer" not in said and "runtime error:" not in said, "I8: %s: %s", what, said[-3000:])
        self.deaths[run] = 1
        self.finish(run)
        return any(line.startswith("fail_at: ") for line in lines)


def side_by_side(world, trials, count):
    """Each trial is a function of a slot."""
    slots, lock = [FailureSlot(world) for _ in range(min(3, count))], threading.Lock()
    trials = iter(trials)

    def work(slot):
        while True:
            with lock:
                trial = next(trials, None)
            if not trial:
                return
            trial(slot)
    with concurrent.futures.ThreadPoolExecutor(len(slots)) as threads:
        list(threads.map(work, slots))
    for slot in slots:
        world.checked(slot.judge())
    ends = sum((slot.ends for slot in slots), collections.Counter())
    world.note("%s; %d runs faulted and were retried; slowest: %.1f s, %s", ", ".join(
        "exit %s: %d" % (code, n) for code, n in sorted(ends.items())), sum(slot.faulted for slot in slots),
        *max(slot.slowest for slot in slots))


@case(56)
def allocations_fail(world):
    """Out of memory aborts; another worker goes on."""
    if world.sanitized:
        raise Missing("libjq crashes when it has no memory, and ASan reports it")
    library = shim(world.cluster, "fail_at")
    slot = FailureSlot(world)
    path = "%s/%s.count" % (world.cluster.dir, world.name)
    slot.trial("no fault", (0,), preload(library, FAIL_COUNT=path))
    with open(path) as file:
        total = int(file.read())

    def trial_at(number, how):
        def trial(slot):
            world.inject()
            world.land(slot.trial(
                "allocation %d (%s)" % (number, how), CODES + (-signal.SIGABRT, -signal.SIGSEGV),
                preload(library, FAIL_AT=str(number), FAIL_HOW=how)))
        return trial
    step = max(world.size(total // 6, 50, 1), 1)
    trials = []
    for number in range(world.random.randint(1, step), total, step):
        how = world.random.choice(("once", "ever"))
        world.plan("allocation %d of %d fails %s", number, total, how)
        trials.append(trial_at(number, how))
    side_by_side(world, trials, len(trials))
    world.note("%d allocations", total)
    world.checked(slot.judge())


@case(56, long=True)
def calls_fail(world):
    """System calls that answer as a machine does that is short of something, or interrupts."""
    strace = shutil.which("strace")
    if not strace:
        raise Missing("strace is not installed")
    # ptrace is in the way of ASan's search for leaks; and it reads its options by these calls, too.
    env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    ours = ("clone", "clone3", "openat", "read")
    calls = [c for c in CALLS if not world.sanitized or c[0] not in ours or c[1] == "EINTR"]

    slot = FailureSlot(world)
    log = "%s/%s.strace" % (world.cluster.dir, world.name)

    def by(*options, log=log):
        return die_with_us(strace, "-o", log, *options)
    slot.trial("no fault", (0,), env, by("-c"))
    with open(log) as lines:
        counts = {words[-1]: int(words[3]) for words in map(str.split, lines)
                  if len(words) > 4 and words[3].isdigit()}
    world.checked(slot.judge())
    points = [(call, error, n) for call, error in calls for n in range(1, counts.get(call, 0) + 1)]
    points = world.random.sample(points, min(len(points), world.size(8, 150, len(points))))

    def trial_at(number, call, error, nth):
        def trial(slot):
            own = "%s.%d" % (log, number)
            inject = "inject=%s:error=%s:when=%d" % (call, error, nth)
            world.inject()
            # libuv aborts when it cannot make, read or write the pipe by which it wakes itself.
            aborts = error == "ENOMEM" or call in ("pipe2", "read", "write")
            slot.trial(inject, CODES + ((-signal.SIGABRT,) if aborts else ()), env,
                       by("-e", "trace=" + call, "-e", inject, log=own))
            with open(own, errors="replace") as lines:
                world.land("(INJECTED)" in lines.read())
            os.unlink(own)
        return trial
    trials = []
    for number, (call, error, nth) in enumerate(points):
        world.plan("%s of %s at its call %d of %d", error, call, nth, counts[call])
        trials.append(trial_at(number, call, error, nth))
    side_by_side(world, trials, len(trials))
    world.note("%d calls of %d kinds", sum(counts.values()), len(counts))
