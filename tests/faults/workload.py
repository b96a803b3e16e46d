"""The standard workload: definitions of every kind, started at random, and for each of them what
its runs must have done when they have ended. What is expected comes from here, never from what
the program printed; judges.py compares it with the journal and the recorder."""
import dataclasses
import hashlib
import os
import random
import tempfile
import uuid

from harness import check, http_task, sql_task

KEYED, PLAIN, ONCE, ROW, LINE, REFUSED = "keyed", "plain", "once", "row", "line", "refused"


@dataclasses.dataclass
class Step:
    """label: the last part of its endpoint's path, or its row's. kind: KEYED at an endpoint that
    honours keys, PLAIN at one that does not, ONCE at such a one with an onUncertain that forbids
    a second delivery, ROW by `call: sql`, LINE by `run: shell`, REFUSED: never applied."""
    label: str
    path: str
    kind: str = KEYED
    tries: int = 1         # deliveries where nothing goes wrong
    optional: bool = False  # the run may end without it
    reply: bool = True      # its output is the endpoint's answer


@dataclasses.dataclass
class Scenario:
    name: str
    weight: int
    tasks: list
    steps: list
    more: dict = dataclasses.field(default_factory=dict)  # of the document
    chains: list = None   # labels, each after the one before; None: all the steps
    ends: tuple = ("completed",)
    waits: tuple = ()     # (label, label, seconds at least between them)
    child: tuple = ()     # (path of the task, name of the scenario)
    input: object = None  # random -> members of the input, besides n
    output: object = None  # input -> output

    def __post_init__(self):
        self.chains = self.chains if self.chains is not None else [[s.label for s in self.steps]]


def step_id(run, path, generation=0):
    """As the documentation has it: UUIDv8 of the run's time bits and SHA-256."""
    whole = uuid.UUID(run).bytes
    digest = hashlib.sha256(whole + path.encode() + b"\0" + b"%d" % generation).digest()
    made = bytearray(whole[:6] + digest[:10])
    made[6] = made[6] & 0x0F | 0x80
    made[8] = made[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(made)))


POLICY = {"delay": {"milliseconds": 20}, "backoff": {"constant": {}},
          "limit": {"attempt": {"count": 30}}}
QUICK = {"use": {"retries": {"quick": POLICY}}}
RETRIED = {"retryPolicy": "quick"}
LOOP = 100
BRANCHES = 50
ORDER = "com.example.mix.order"


class Definitions:
    """All scenarios, for one recorder; delays are drawn."""

    def __init__(self, url, folder, chance):
        self.url, self.folder, self.chance = url, folder, chance

    def post(self, label, mode="dedupe", **more):
        delay = self.chance.choice((0, 20, 60, 150))
        return http_task(self.url, "/%s/{run}/%s?delay=%d" % (mode, label, delay), **more)

    def indexed(self, label, variable, mode="dedupe"):
        """A post whose label ends in a loop's counter."""
        return {"call": "http", "with": {
            "method": "post", "endpoint": "${ \"%s/%s/\" + $workflow.id + \"/%s\" + ($%s | tostring) }"
            % (self.url, mode, label, variable), "body": {"at": "${ $%s }" % variable}}}

    def line(self):
        return Scenario("line", 12, [{"s%d" % i: self.post("s%d" % i)} for i in range(1, 6)],
                        [Step("s%d" % i, "/do/%d/s%d" % (i - 1, i)) for i in range(1, 6)])

    def fan(self):
        branches = [{"b%d" % i: self.post("b%d" % i)} for i in range(BRANCHES)]
        steps = [Step("b%d" % i, "/do/0/fan/fork/branches/%d/b%d" % (i, i)) for i in range(BRANCHES)]
        return Scenario("fan", 1, [{"fan": {"fork": {"branches": branches}}}, {"after": self.post("after")}],
                        steps + [Step("after", "/do/1/after")],
                        chains=[["b%d" % i, "after"] for i in range(BRANCHES)])

    def loop(self):
        return Scenario("loop", 1, [
            {"loop": {"for": {"each": "i", "in": "${ [range(%d)] }" % LOOP}, "do": [
                {"item": self.indexed("item", "i")}]}}],
            [Step("item%d" % i, "/do/0/loop[%d]/do/0/item" % i) for i in range(LOOP)])

    def nested(self):
        """for in do, fork in for, try in fork."""
        tasks = [{"outer": {"do": [{"each": {
            "for": {"each": "i", "in": "${ [0, 1, 2] }"}, "do": [{"both": {"fork": {"branches": [
                {"left": {"try": [{"l": self.indexed("l", "i")}],
                          "catch": {"retry": POLICY}}},
                {"right": {"do": [{"r": self.indexed("r", "i")}, {"q": self.indexed("q", "i")}]}}]}}}]}}]}}]
        place = "/do/0/outer/do/0/each[%d]/do/0/both/fork/branches/"
        steps, chains = [], []
        for i in range(3):
            steps += [Step("l%d" % i, place % i + "0/left/try/0/l"), Step("r%d" % i, place % i + "1/right/do/0/r"),
                      Step("q%d" % i, place % i + "1/right/do/1/q")]
            chains.append(["r%d" % i, "q%d" % i])
            if i:
                chains += [[a + str(i - 1), b + str(i)] for a in "lq" for b in "lr"]
        return Scenario("nested", 4, tasks, steps, chains=chains)

    def pause(self, name, milliseconds):
        return Scenario(name, 4, [
            {"before": self.post("before")}, {"nap": {"wait": {"milliseconds": milliseconds}}},
            {"after": self.post("after")}],
            [Step("before", "/do/0/before"), Step("after", "/do/2/after")],
            waits=[("before", "after", milliseconds / 1000)])

    def nap(self):
        """Its runs stay in memory."""
        return self.pause("nap", self.chance.choice((60, 300, 700)))

    def sleep(self):
        """Its runs leave memory."""
        return self.pause("sleep", self.chance.choice((2100, 2400)))

    def listen(self):
        return Scenario("listen", 6, [
            {"ask": self.post("ask")},
            {"hear": {"listen": {"to": {"any": [{
                "with": {"type": ORDER},
                "correlate": {"n": {"from": "${ .data.n }", "expect": "${ $workflow.input.n }"}}}]}}}},
            {"note": {"set": {"heard": "${ . }"}}},
            {"done": self.post("done", output={"as": "${ $steps.note }"})}],
            [Step("ask", "/do/0/ask"), Step("done", "/do/3/done", reply=False)],
            output=lambda given: {"heard": [{"n": given["n"], "told": True}]})

    def tell(self):
        """Emits what `listen` waits for; started by Mix, with its n."""
        return Scenario("tell", 0, [
            {"e": self.post("e")},
            {"emit": {"emit": {"event": {"with": {
                "type": ORDER, "source": "https://example.com/mix",
                "data": {"n": "${ $workflow.input.n }", "told": True}}}}}}],
            [Step("e", "/do/0/e")])

    def retry(self):
        return Scenario("retry", 6, [
            {"flaky": self.post("flaky", "status/503/times/2", metadata=RETRIED)},
            {"lost": self.post("lost", "drop_after_apply", metadata=RETRIED)},
            {"never": self.post("never", "drop_before_apply", metadata=RETRIED)}],
            [Step("flaky", "/do/0/flaky", tries=3), Step("lost", "/do/1/lost", tries=2),
             Step("never", "/do/2/never", tries=2)], QUICK)

    def compensate(self):
        return Scenario("compensate", 6, [
            {"trip": {"try": [{"book": self.post("book")}, {"pay": self.post("pay", "status/402")}],
                      "catch": {"as": "error", "do": [{"unbook": self.post("unbook")}]}}},
            {"done": self.post("done")}],
            [Step("book", "/do/0/trip/try/0/book"), Step("pay", "/do/0/trip/try/1/pay", REFUSED),
             Step("unbook", "/do/0/trip/catch/do/0/unbook"), Step("done", "/do/1/done")])

    def cancel(self):
        """Mix cancels its runs."""
        return Scenario("cancel", 4, [
            {"first": self.post("first")}, {"long": {"wait": "P1D"}}, {"never": self.post("never")}],
            [Step("first", "/do/0/first", optional=True)], ends=("cancelled",))

    def sql(self):
        return Scenario("sql", 8, [
            {"q1": sql_task("q1")}, {"h": self.post("h")}, {"q2": sql_task("q2")},
            {"q3": sql_task("q3", "with nap as (select pg_sleep(0.05)) insert into effect select $1, $2 "
                                  "from nap")}],
            [Step("q1", "/do/0/q1", ROW), Step("h", "/do/1/h"), Step("q2", "/do/2/q2", ROW),
             Step("q3", "/do/3/q3", ROW)])

    def shell(self):
        def append(label):
            return {"run": {"shell": {
                "command": "printf '%s %s %s\\n' \"$1\" \"$2\" \"$STEPWELL_STEP_ID\" >>'" + self.folder
                           + "/lines'; sleep 0.05",
                "arguments": ["${ $workflow.id }", label]}}}
        return Scenario("shell", 4, [{"x1": append("x1")}, {"x2": append("x2")}],
                        [Step("x1", "/do/0/x1", LINE), Step("x2", "/do/1/x2", LINE)])

    def big(self):
        def send(label):
            return {"call": "http", "with": {
                "method": "post", "endpoint": "${ \"%s/dedupe/\" + $workflow.id + \"/%s\" }"
                % (self.url, label), "body": {"blob": "${ $workflow.input.blob }"}}}
        return Scenario("big", 3, [{"up": send("up")}, {"again": dict(send("again"), output={
            "as": "${ .request.blob }"})}], [Step("up", "/do/0/up"), Step("again", "/do/1/again", reply=False)],
            input=lambda chance: {"blob": "".join(chance.choices(
                "abcdefghijklmnop \u00e9\u4e2d\"\\/", k=chance.choice((1 << 10, 1 << 14, 1 << 17))))},
            output=lambda given: given["blob"])

    def parent(self):
        return Scenario("parent", 5, [
            {"first": self.post("first")},
            {"sub": {"run": {"workflow": {"namespace": "crash", "name": "child", "version": "1.0.0",
                                          "input": {"n": "${ $workflow.input.n }"}}}}},
            {"last": self.post("last")}],
            [Step("first", "/do/0/first"), Step("last", "/do/2/last")], child=("/do/1/sub", "child"))

    def child(self):
        return Scenario("child", 0, [{"c1": self.post("c1")}, {"c2": self.post("c2")}],
                        [Step("c1", "/do/0/c1"), Step("c2", "/do/1/c2")])

    def pure(self):
        """Nothing but control flow; its end is computed here, too."""
        return Scenario("pure", 5, [
            {"begin": {"set": {"sum": 0}, "export": {"as": "${ { sum: 0 } }"}}},
            {"loop": {"for": {"each": "i", "in": "${ [range($workflow.input.n % 7 + 1)] }"}, "do": [
                {"add": {"set": {"sum": "${ $context.sum + $i }"}, "export": {"as": "${ { sum: .sum } }"}}}]}},
            {"which": {"switch": [{"even": {"when": "${ $context.sum % 2 == 0 }", "then": "even"}},
                                  {"other": {"then": "odd"}}]}},
            {"even": {"set": {"is": "even", "sum": "${ $context.sum }"}, "then": "end"}},
            {"odd": {"set": {"is": "odd", "sum": "${ $context.sum }"}}}], [],
            output=lambda given: {"is": "odd" if sum(range(given["n"] % 7 + 1)) % 2 else "even",
                                  "sum": sum(range(given["n"] % 7 + 1))})

    def plain(self):
        return Scenario("plain", 6, [{"p%d" % i: self.post("p%d" % i, "nodedupe")} for i in (1, 2, 3)],
                        [Step("p%d" % i, "/do/%d/p%d" % (i - 1, i), PLAIN) for i in (1, 2, 3)])

    def once(self, rule, end):
        return Scenario(rule, 5, [{"o%d" % i: self.post("o%d" % i, "nodedupe", metadata={
            "onUncertain": rule})} for i in (1, 2, 3)],
            [Step("o%d" % i, "/do/%d/o%d" % (i - 1, i), ONCE, optional=True) for i in (1, 2, 3)],
            ends=("completed", end))

    def fail(self):
        return self.once("fail", "faulted")

    def hold(self):
        return self.once("hold", "suspended")


NAMES = ["line", "fan", "loop", "nested", "nap", "sleep", "listen", "tell", "retry", "compensate", "cancel",
         "sql", "shell", "big", "parent", "child", "pure", "plain", "fail", "hold"]
# What a worker needs that is to run all of them.
FLAGS = ["--allow-run"]


class Mix:
    """Runs of all scenarios, or of those named, on one database."""

    def __init__(self, db, recorder, seed, names=None):
        self.db, self.recorder = db, recorder
        self.chance = random.Random("%s mix" % seed)
        self.folder = tempfile.mkdtemp(prefix="mix.", dir=db.cluster.dir)
        definitions = Definitions(recorder.url, self.folder, self.chance)
        self.scenarios = {}
        for name in NAMES:
            scenario = getattr(definitions, name)()
            wanted = not names or name in names or (name == "child" and "parent" in names) \
                or (name == "tell" and "listen" in names)
            if wanted:
                self.scenarios[name] = scenario
                db.apply(name, scenario.tasks, **scenario.more)
        db.psql("create table effect (run_id text, step text)")
        self.runs = {}   # id -> scenario
        self.given = {}  # id -> input
        self.n = 0
        self.untold, self.uncancelled = [], []
        self.every = [s for s in self.scenarios.values() if s.weight]

    def new(self, scenario):
        self.n += 1
        return dict({"n": self.n}, **(scenario.input(self.chance) if scenario.input else {}))

    def draw(self, count):
        """Scenarios: each once if that many are wanted, the rest at random."""
        drawn = list(self.every) if not self.n and count >= len(self.every) else []
        drawn += self.chance.choices(self.every, [s.weight for s in self.every], k=count - len(drawn))
        return drawn

    def start(self, count):
        inputs = {}
        for scenario in self.draw(count):
            inputs.setdefault(scenario.name, []).append(self.new(scenario))
        ready = [n for n in self.untold if self.chance.random() < 0.7]
        self.untold = [n for n in self.untold if n not in ready]
        if ready:
            inputs.setdefault("tell", []).extend({"n": n} for n in ready)
        for name, given in inputs.items():
            self.start_with(name, given)

    def start_with(self, name, given):
        ids = self.db.start_with(name, given)
        check(len(ids) == len(given), "I1: %d runs were started, not %d", len(ids), len(given))
        for run, values in zip(ids, given):
            self.runs[run], self.given[run] = self.scenarios[name], values
            if name == "listen":
                self.untold.append(values["n"])
            elif name == "cancel":
                self.uncancelled.append(run)

    def cancel(self):
        """Cancels one; whether there was one."""
        if not self.uncancelled:
            return False
        run = self.uncancelled.pop(self.chance.randrange(len(self.uncancelled)))
        code, _, err = self.db.cli("cancel", run)
        check(code in (0, 5), "I8: cancel: exit %d: %s", code, err)
        return True

    def top_up(self, target):
        """Keeps about `target` runs going."""
        missing = target - self.db.moving()
        if missing > target // 4:
            self.start(max(missing, 1))
        if self.chance.random() < 0.2:
            self.cancel()

    def finish(self, timeout):
        """Tells and cancels what still waits for it, and waits until all have ended."""
        while self.cancel():
            pass
        if self.untold:
            self.start_with("tell", [{"n": n} for n in self.untold])
            self.untold = []
        self.db.wait_idle(timeout)

    def expected(self):
        """All runs with their scenarios, children too."""
        for run, scenario in self.runs.items():
            yield run, scenario
            if scenario.child:
                path, name = scenario.child
                yield step_id(run, path), self.scenarios[name]

    def lines(self):
        """What shells wrote: (run, label) -> stepIds."""
        found = {}
        path = self.folder + "/lines"
        if os.path.exists(path):
            with open(path) as lines:
                for line in lines:
                    run, label, key = line.split()
                    found.setdefault((run, label), []).append(key)
        return found

