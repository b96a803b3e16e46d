"""A worker that dies at its N-th write, for every N: table-driven, by an LD_PRELOAD library."""
import concurrent.futures
import itertools
import os
import signal
import subprocess
import threading

from harness import HERE, Worker, check, http_task, records_of
from judges import all_completed, journal_is_whole


def definition(url):
    """set, http, sql, wait, a retry in a try, a loop, http again."""
    def sql(name):
        return {"call": "sql", "with": {"statement": "insert into effect values ($1, $2)",
                                        "parameters": ["${ $workflow.id }", name], "output": "count"}}
    return [
        {"note": {"set": {"x": 1}}},
        {"a": http_task(url, "/dedupe/{run}/a")},
        {"q1": sql("q1")},
        {"pause": {"wait": {"milliseconds": 20}}},
        {"guard": {"try": [{"flaky": http_task(url, "/status/503/times/1/{run}/flaky")}],
                   "catch": {"retry": {"delay": {"milliseconds": 20}, "backoff": {"constant": {}},
                                       "limit": {"attempt": {"count": 20}}}}}},
        {"loop": {"for": {"each": "i", "in": "[1, 2]"}, "do": [
            {"item": {"call": "http", "with": {
                "method": "post", "endpoint": "${ \"%s/dedupe/\" + $workflow.id + \"/item\" + "
                                              "($i | tostring) }" % url, "body": {"i": "${ $i }"}}}},
            {"q2": sql("q2")}]}},
        {"b": http_task(url, "/drop_after_apply/{run}/b", metadata={"retryPolicy": "quick"})},
        {"c": http_task(url, "/dedupe/{run}/c")},
    ]


QUICK = {"use": {"retries": {"quick": {"delay": {"milliseconds": 20}, "backoff": {"constant": {}},
                                       "limit": {"attempt": {"count": 20}}}}}}
QUICKLY = ["--until-idle", "--poll", "100ms", "--lease", "4s", "--heartbeat", "1s"]
EFFECTS = ["a", "flaky", "item1", "item2", "b", "c"]


class Slot:
    """A database and a recorder that trials use one after the other."""

    def __init__(self, world, shim):
        self.db, self.recorder = world.database(), world.recorder()
        self.shim = shim
        self.runs = []
        self.db.psql("create table effect (run_id text, step text)")
        self.db.apply("sweep", definition(self.recorder.url), **QUICK)

    def trial(self, number, when):
        """Whether the worker died at its number-th send."""
        self.runs += self.db.start("sweep", 1)
        env = {"LD_PRELOAD": self.shim, "DIE_AT": str(number), "DIE_WHEN": when,
               "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        worker = Worker(self.db, QUICKLY, env)
        code = worker.process.wait(60)
        check(code in (0, -signal.SIGKILL), "send %d (%s): exit %d\n%s", number, when, code,
              worker.output())
        second = Worker(self.db, QUICKLY)
        check(second.process.wait(60) == 0, "send %d (%s): the second worker: %s", number, when,
              second.output())
        status = self.db.value("select status from stepwell.runs where id = '%s'" % self.runs[-1])
        check(status == "completed", "send %d (%s): the run is %s\n%s", number, when, status,
              self.db.cli("status", self.runs[-1])[1])
        return code != 0

    def judge(self):
        all_completed(self.db, len(self.runs))
        journal_is_whole(self.db)
        rows = {(r["run_id"], r["step"]): r["n"] for r in self.db.rows(
            "select run_id, step, count(*) as n from effect group by 1, 2")}
        for run in self.runs:
            check((rows.get((run, "q1")), rows.get((run, "q2"))) == (1, 2), "run %s: rows %s, %s", run,
                  rows.get((run, "q1")), rows.get((run, "q2")))
        records = records_of(self.recorder)
        check(set(records) == {(run, e) for run in self.runs for e in EFFECTS}, "other requests")
        keys = {(r["run_id"], r["path"]): r["step_id"] for r in self.db.rows(
            "select run_id, path, step_id from stepwell.steps")}
        paths = {"a": "/do/1/a", "flaky": "/do/4/guard/try/0/flaky", "item1": "/do/5/loop[0]/do/0/item",
                 "item2": "/do/5/loop[1]/do/0/item", "b": "/do/6/b", "c": "/do/7/c"}
        for (run, effect), requests in records.items():
            check(sum(r["applied"] for r in requests) == 1, "run %s: %s applied %d times", run, effect,
                  sum(r["applied"] for r in requests))
            check({r["key"] for r in requests} == {keys[run, paths[effect]]}
                  and len({r["sha256"] for r in requests}) == 1, "run %s: %s: keys or bodies differ", run,
                  effect)


def kill_at_each_write(world):
    shim = os.path.join(world.cluster.dir, "die_at.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, str(HERE / "die_at.c"), "-ldl"],
                   check=True, stdin=subprocess.DEVNULL)
    slots = [Slot(world, shim) for _ in range(3)]
    step = world.size(10, 1)
    numbers, lock = itertools.count(world.random.randint(1, step), step), threading.Lock()
    ends, trials = {"before": None, "after": None}, []

    def work(slot):
        while True:
            with lock:
                number = next(numbers)
                todo = [when for when in ends if not ends[when]]
                if len(todo) == 2 and not world.is_full:
                    todo = [world.random.choice(todo)]
            if not todo:
                return
            for when in todo:
                trials.append(slot.trial(number, when))
                if not trials[-1]:  # it lived through all its sends
                    ends.update({when: number} if world.is_full else dict.fromkeys(ends, number))

    with concurrent.futures.ThreadPoolExecutor(len(slots)) as threads:
        list(threads.map(work, slots))
    for slot in slots:
        slot.judge()
    world.note("%d deaths, sends 1 to %d", sum(trials), max(filter(None, ends.values())))
    check(sum(trials) > world.size(3, 60), "void: only %d deaths", sum(trials))


CASES = [kill_at_each_write]
