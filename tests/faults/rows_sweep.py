"""A worker that dies at its N-th call on a socket or a pipe, for every N: table-driven, by an
LD_PRELOAD library."""
import concurrent.futures
import itertools
import os
import signal
import threading
import time

from catalogue import case
from harness import Worker, check, check_landed, http_task, preload, records_of, shim, sql_task
from judges import all_completed, journal_is_whole
from workload import POLICY, QUICK, RETRIED, step_id


def definition(url, folder):
    """set, http, sql, wait, a retry in a try, a loop, a shell, http again."""
    return [
        {"note": {"set": {"x": 1}}},
        {"a": http_task(url, "/dedupe/{run}/a")},
        {"q1": sql_task("q1")},
        {"pause": {"wait": {"milliseconds": 20}}},
        {"guard": {"try": [{"flaky": http_task(url, "/status/503/times/1/{run}/flaky")}],
                   "catch": {"retry": POLICY}}},
        {"loop": {"for": {"each": "i", "in": "[1, 2]"}, "do": [
            {"item": {"call": "http", "with": {
                "method": "post", "endpoint": "${ \"%s/dedupe/\" + $workflow.id + \"/item\" + "
                                              "($i | tostring) }" % url, "body": {"i": "${ $i }"}}}},
            {"q2": sql_task("q2")}]}},
        {"x": {"run": {"shell": {"command": "echo $STEPWELL_STEP_ID >>%s/$1" % folder,
                                 "arguments": ["${ $workflow.id }"]}}}},
        {"b": http_task(url, "/drop_after_apply/{run}/b", metadata=RETRIED)},
        {"c": http_task(url, "/dedupe/{run}/c")},
    ]


QUICKLY = ["--until-idle", "--allow-run", "--poll", "100ms", "--lease", "4s", "--heartbeat", "1s"]
PATHS = {"a": "/do/1/a", "flaky": "/do/4/guard/try/0/flaky", "item1": "/do/5/loop[0]/do/0/item",
         "item2": "/do/5/loop[1]/do/0/item", "b": "/do/7/b", "c": "/do/8/c"}
ORDER = ["a", "flaky", "item1", "item2", "b", "c"]


class Slot:
    """A database and a recorder that trials use one after the other."""

    def __init__(self, world, library):
        self.db, self.recorder, self.library = world.new_database(), world.new_recorder(), library
        self.runs, self.deaths = [], {}
        self.folder = "%s/shell.%s" % (world.cluster.dir, self.db.name)
        os.mkdir(self.folder)
        self.db.psql("create table effect (run_id text, step text)")
        self.db.apply("sweep", definition(self.recorder.url, self.folder), **QUICK)

    def work(self, number, when):
        """Whether a worker died at its number-th call; if not, everything is done."""
        env = preload(self.library, DIE_AT=str(number), DIE_WHEN=when) if number else None
        worker = Worker(self.db, QUICKLY, env)
        code = worker.process.wait(60)
        check(code in (0, -signal.SIGKILL), "I8: call %d (%s): exit %d\n%s", number, when, code,
              worker.output())
        check(number or code == 0, "I5: the last worker: %s", worker.output())
        return code != 0

    def status(self, run):
        return self.db.value("select status from stepwell.runs where id = '%s'" % run)

    def work_out(self, run):
        """Workers in good health until it is over: one ends when nothing is due, as between two tries."""
        end = time.monotonic() + 30
        self.work(0, "")
        while self.status(run) == "waiting" and time.monotonic() < end:
            self.work(0, "")

    def trial(self, *deaths):
        """One run, and for each (number, when) a worker that is to die there; how many died."""
        run = self.db.start("sweep", 1)[0]
        self.runs.append(run)
        died = 0
        for number, when in deaths:
            died += self.work(number, when)
        self.deaths[run] = died
        self.work_out(run)
        status = self.status(run)
        check(status == "completed", "I1: after %s: the run is %s\n%s", deaths, status,
              self.db.cli("status", run)[1])
        return died

    def judge(self):
        """How many effects it has looked at."""
        all_completed(self.db, len(self.runs))
        journal_is_whole(self.db)
        rows = {(r["run_id"], r["step"]): r["n"] for r in self.db.rows(
            "select run_id, step, count(*) as n from effect group by 1, 2")}
        records = records_of(self.recorder)
        check(set(records) == {(run, e) for run in self.runs for e in ORDER}, "I4: other requests")
        for run in self.runs:
            check((rows.get((run, "q1")), rows.get((run, "q2"))) == (1, 2), "I2: run %s: rows %s, %s", run,
                  rows.get((run, "q1")), rows.get((run, "q2")))
            with open("%s/%s" % (self.folder, run)) as lines:
                keys = lines.read().split()
            check(set(keys) == {step_id(run, "/do/6/x")} and len(keys) <= 1 + self.deaths[run],
                  "I3: run %s: its shell ran %d times: %s", run, len(keys), keys)
            for before, after in zip(ORDER, ORDER[1:]):
                check(max(r["n"] for r in records[run, before]) < min(r["n"] for r in records[run, after]),
                      "I6: run %s: %s was sent again after %s", run, before, after)
        for (run, effect), requests in records.items():
            check(sum(r["applied"] for r in requests) == 1, "I2: run %s: %s applied %d times", run, effect,
                  sum(r["applied"] for r in requests))
            check({r["key"] for r in requests} == {step_id(run, PATHS[effect])}, "I2: run %s: %s: keys", run,
                  effect)
            check(len({(r["sha256"], r["head"]) for r in requests}) == 1, "I11: run %s: %s: requests differ",
                  run, effect)
        return sum(map(len, records.values())) + len(rows)


def sweep(world, step, first=()):
    """A trial for every step-th call, before and after it, after deaths at `first`."""
    library = shim(world.cluster, "die_at")
    slots = [Slot(world, library) for _ in range(3)]
    numbers, lock = itertools.count(world.random.randint(1, step), step), threading.Lock()
    whens = {n: world.random.choice(("before", "after")) for n in range(1, 2000)}
    ends = {"before": None, "after": None}

    def work(slot):
        while True:
            with lock:
                number = next(numbers)
                todo = [when for when in ends if not ends[when] and (step == 1 or when == whens[number])]
                if all(ends.values()):
                    return
            for when in todo:
                world.plan("die at call %d, %s", number, when)
                died = slot.trial(*first, (number, when))
                world.inject(1 + len(first))
                world.land(died)
                if died <= len(first):  # it lived through all its calls
                    ends.update({when: number} if step == 1 else dict.fromkeys(ends, number))

    with concurrent.futures.ThreadPoolExecutor(len(slots)) as threads:
        list(threads.map(work, slots))
    for slot in slots:
        world.checked(slot.judge())
    world.note("%d deaths, calls 1 to %d", world.result.landed, max(filter(None, ends.values())))
    check_landed(world.result.landed > world.size(2, 40, 100), "only %d deaths", world.result.landed)


@case(2)
def kill_at_each_call(world):
    sweep(world, world.size(20, 2, 1))


@case(3)
def kill_recovery_at_each_call(world):
    """The same for a worker that takes over from one that died in the middle."""
    sweep(world, world.size(40, 4, 1), ((world.random.randint(60, 140), "after"),))
