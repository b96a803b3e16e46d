"""Listeners that begin again and again, generated: which event each pass must have taken is computed from
the events alone."""
import dataclasses
import json

from catalogue import case
from harness import Failure, check, wait_for
from judges import all_completed, healthy, journal_is_whole, kills_that_hit
from rows_crash import NO_POISON, kill_one
from rows_events import check_nothing_left
from sessions import SOON

PASSES = 3
STRATEGIES = ("one", "any", "all", "until-condition", "until-event")
PLACES = ("loop", "function", "retry", "fork")
CORRELATIONS = ("keyed", "asked", "first", "filtered")  # by look-up, by expression, by the first event, not


@dataclasses.dataclass(frozen=True)
class Variant:
    """A definition: `picky` passes wait each for events of their own number."""
    strategy: str
    foreach: bool
    correlation: str
    place: str
    picky: bool

    @property
    def name(self):
        return "-".join((self.place, self.strategy, self.correlation, "each" if self.foreach else "whole",
                         "picky" if self.picky else "any"))

    # What the first event binds must come again, so each number comes as often as a pass takes it.
    def kinds(self):
        return "ab" if self.correlation == "first" else "aabs"

    def branches(self):
        return 2 if self.place == "fork" else 1

    def event_type(self, kind):
        return "%s.%s" % (self.name, kind)

    # ---- The definition ----

    def filter(self, kind):
        number = {"loop": "$n", "fork": "$n", "function": "$input.n", "retry": "$context.n"}[self.place]
        mine = {"from": ".data.g", "expect": "${ $workflow.input.g }"}
        data, correlate = {}, {}
        if self.correlation == "keyed":
            correlate["g"] = mine
        elif self.correlation == "asked":
            correlate["g"] = dict(mine, **{"from": "[.data.g, $workflow.input.g] | first"})
        else:
            data["g"] = "${ . == $workflow.input.g }"
        if self.correlation == "first":
            correlate["n"] = {"from": ".data.n"}
        if self.picky:
            data["n"] = "${ . == %s }" % number
        return dict({"with": dict({"type": self.event_type(kind)}, **({"data": data} if data else {}))},
                    **({"correlate": correlate} if correlate else {}))

    def listen(self):
        a, b, s = (self.filter(kind) for kind in "abs")
        to = {"one": {"one": a}, "any": {"any": [a, b]}, "all": {"all": [a, b]},
              "until-condition": {"any": [a, b], "until": "length == 2"},
              "until-event": {"any": [a, b], "until": {"one": s}}}[self.strategy]
        task = {"listen": {"to": to, "read": "envelope"}}
        if self.foreach:
            task["foreach"] = {"item": "e", "do": [{"nap": {"wait": {"milliseconds": 5}}}, {"it": {"set": "${ $e }"}}]}
        return task

    def keep(self, branch=0):
        """Adds what a pass took to the run's context."""
        key = "b%d" % branch
        return {"keep": {"set": {"ids": "${ map(.id) }"},
                         "export": {"as": "$context + {%s: (($context.%s // []) + [.ids]), n: ($context.n + 1)}" %
                                          (key, key)}}}

    def loop(self, tasks):
        return {"for": {"each": "n", "in": "${ [range(1; %d)] }" % (PASSES + 1)}, "do": tasks}

    def document(self):
        """Its tasks, and what else its document has."""
        start = {"start": {"set": {"n": 1}, "export": {"as": "."}}}
        end = {"end": {"set": "${ $context }"}}
        if self.place == "loop":
            return [start, {"each": self.loop([{"hear": self.listen()}, self.keep()])}, end], {}
        if self.place == "function":
            call = {"call": "hear", "with": {"n": "${ $n }"}}
            return ([start, {"each": self.loop([{"hear": call}, self.keep()])}, end],
                    {"use": {"functions": {"hear": self.listen()}}})
        if self.place == "fork":
            return [start, {"both": {"fork": {"branches": [
                {"b%d" % i: self.loop([{"hear": self.listen()}, self.keep(i)])} for i in range(2)]}}}, end], {}
        again = {"if": "$context.n <= %d" % PASSES,
                 "raise": {"error": {"type": "https://example.com/again", "status": 500, "title": "again"}}}
        return [start, {"block": {
            "try": [{"hear": self.listen()}, self.keep(), {"again": again}],
            "catch": {"retry": {"delay": {"milliseconds": 5}, "limit": {"attempt": {"count": 2 * PASSES}}}}}}, end], {}

    # ---- Its events, and what its passes must have taken of them ----

    def events(self, group, chance):
        kinds = self.kinds()
        if self.strategy != "until-event":
            kinds = kinds.replace("s", "")
        events = [(kind, n) for n in range(1, PASSES + 1) for kind in kinds] + [("z", 1), ("z", 2)]
        if not self.correlation == "first" and self.picky:
            events += [("a", 99), ("b", 99)]
        chance.shuffle(events)
        return [{"id": "%s/%d/%d" % (self.name, group, i), "source": "/listening", "type": self.event_type(kind),
                 "data": {"g": group, "n": n}} for i, (kind, n) in enumerate(events)]

    def expected(self, events):
        """What one listener takes in its passes of the events in this order, and how many in all."""
        taken, passes = set(), []
        for number in range(1, PASSES + 1):
            got = Pass(self, number)
            for event in events:
                if event["id"] not in taken and got.takes(event):
                    taken.add(event["id"])
                    if got.is_over:
                        break
            check(got.is_over, "%s: no events for pass %d", self.name, number)
            passes.append(got.ids)
        return passes, len(taken)


class Pass:
    """The specification's words, for one pass."""

    def __init__(self, variant, number):
        self.variant, self.number = variant, number
        self.ids, self.kinds, self.bound, self.is_over = [], set(), None, False

    def takes(self, event):
        v, kind, n = self.variant, event["type"].rsplit(".", 1)[1], event["data"]["n"]
        if v.picky and n != self.number or v.correlation == "first" and self.bound not in (None, n):
            return False
        if v.strategy == "until-event" and kind == "s":
            self.is_over = True
            return True
        if kind not in ("a" if v.strategy == "one" else "ab") or v.strategy == "all" and kind in self.kinds:
            return False
        self.ids.append(event["id"])
        self.kinds.add(kind)
        self.bound = n
        self.is_over = {"one": True, "any": True, "all": len(self.kinds) == 2, "until-condition": len(self.ids) == 2,
                        "until-event": False}[v.strategy]
        return True


def variants(world, count):
    """Each member of each dimension, as soon as there are enough."""
    every = [Variant(*v) for v in ((s, f, c, p, k) for s in STRATEGIES for f in (False, True) for c in CORRELATIONS
                                   for p in PLACES for k in (False, True)) if (v[0], v[2]) != ("until-event", "first")]
    world.random.shuffle(every)
    chosen = []
    for dimension in ("place", "strategy", "correlation"):
        for value in sorted({getattr(v, dimension) for v in every}):
            if not any(getattr(v, dimension) == value and v.picky for v in chosen):
                chosen.append(next(v for v in every if getattr(v, dimension) == value and v.picky))
    rest = [v for v in every if v not in chosen]
    return (chosen + rest)[:max(count, len(chosen))]


def emit(db, events):
    db.psql("select count(stepwell.emit(e)) from json_array_elements($events$%s$events$) e" % json.dumps(events))


def judge(db, started):
    """started: run -> (variant, group). Each pass took what it must have, once, and nothing else is noted."""
    rows = db.rows("select id, type, place, event::json -> 'data' as data from stepwell.event order by place")
    outputs = {r["id"]: r["output"] for r in db.rows("select id, output from stepwell.runs")}
    received = {r["run_id"]: r["n"] for r in db.rows(
        "select j.run_id, count(*) as n from stepwell.journal j cross join lateral json_array_elements(j.data) o "
        "where o.value ->> 'op' = 'received' group by 1")}
    groups = {}
    for row in rows:
        groups.setdefault((row["type"].rsplit(".", 1)[0], row["data"]["g"]), []).append(row)
    for run, (variant, group) in started.items():
        passes, count = variant.expected(groups[variant.name, group])
        for branch in range(variant.branches()):
            got = outputs[run].get("b%d" % branch)
            check(got == passes, "I2: %s, run %s: its passes took %s, not %s", variant.name, run, got, passes)
        check(received[run] == count * variant.branches(), "I2: %s, run %s: %d events were taken, not %d", variant.name,
              run, received[run], count * variant.branches())
    return sum(received.values())


@case(63, long=True)
def listeners_in_loops(world):
    """Listeners of all kinds that begin again, while their events come in any order and workers are killed."""
    db, chance = world.db, world.random
    kills, each = world.size(4, 40, 60), world.size(1, 6, 10)
    chosen, started, parts = variants(world, world.size(14, 80, 160)), {}, []
    for variant in chosen:
        tasks, more = variant.document()
        db.apply(variant.name, tasks, **more)
        world.plan(variant.name)
    inputs = [(v, group) for v in chosen for group in range(each)]
    for variant, group in inputs:
        events = variant.events(group, chance)
        parts += [events[i:i + 3] for i in range(0, len(events), 3)]
    chance.shuffle(parts)
    early = len(parts) // 3
    emit(db, sum(parts[:early], []))  # these are there before their listeners
    with world.pool(3, *SOON, *NO_POISON) as pool:
        for variant in chosen:
            runs = db.start_with(variant.name, [{"g": group} for group in range(each)])
            started.update(zip(runs, ((variant, group) for group in range(each))))
        step = max(1, (len(parts) - early) // (2 * kills))
        for i in range(early, len(parts), step):
            emit(db, sum(parts[i:i + step], []))
            if len(pool.killed) < kills and chance.random() < 0.7:
                world.plan("kill busy %.3f", choice := chance.random())
                kill_one(pool, choice, victims=pool.owners)
                world.inject()
        try:
            db.wait_idle(world.size(90, 300, 600))
        except Failure as failure:
            raise Failure("I5: a run waits for an event that its pass must have had\n%s" % failure) from None
    healthy(pool.all())
    all_completed(db, len(started))
    journal_is_whole(db)
    world.checked(judge(db, started))
    check_nothing_left(db)
    world.land(kills_that_hit(db, pool.killed)[0])
    world.note("%d definitions, %d runs, %d kills", len(chosen), len(started), len(pool.killed))


@case(61)
def one_event_for_many(world):
    """An event of 3 MiB for many listeners at once: a worker holds a few of them at a time."""
    db, count, mib = world.db, world.size(24, 300, 300), 3
    db.apply("news", [{"hear": {"listen": {"to": {"one": {"with": {"type": "news"}}}}}, }, {"end": {"set": {"n": 1}}}])
    db.start("news", count)
    with world.pool(1, *NO_POISON) as pool:
        wait_for(lambda: db.count("stepwell.lease where state = 'waiting' and owner is null") == count, 60, "they listen")
        db.psql("select stepwell.emit(json_build_object('id', '1', 'source', '/news', 'type', 'news', 'data', "
                "repeat('x', %d * 1024 * 1024)))" % mib)
        db.wait_idle(world.size(120, 300, 300))
        peak = pool.workers[0].peak_mib()
    healthy(pool.all())
    all_completed(db, count)
    world.figure("one_event_for_many_mib", peak)
    check(world.sanitized or peak < 256, "I10: the worker took %.0f MiB", peak)
    world.checked(count)
    world.note("%d listeners, %.0f MiB", count, peak)


@case(61)
def kept_events_are_read_once(world):
    """A loop that listens does not read the kept events of its type again in each pass."""
    db, kept, passes = world.db, world.size(1500, 30000, 30000), 15
    db.psql("insert into stepwell.event (source, id, type, event) select '/kept', n::text, 'kept', json_build_object("
            "'specversion', '1.0', 'id', n::text, 'source', '/kept', 'type', 'kept', 'data', n) "
            "from generate_series(1, %d) n" % kept)
    db.apply("actor", [{"each": {"for": {"each": "n", "in": "${ [range(%d)] }" % passes}, "do": [
        {"hear": {"listen": {"to": {"one": {"with": {"type": "kept", "data": "${ . > %d }" % (kept - passes)}}}}}}]}}])
    with world.pool(1) as pool:
        wait_for(lambda: db.count("stepwell.event where place is null") == 0, 60, "the events are routed")
        before = read_by_index(db)
        db.start("actor", 1)
        db.wait_idle(world.size(60, 120, 120))
        pool.drain()
    healthy(pool.all())
    all_completed(db, 1)
    wait_for(lambda: read_by_index(db) > before, 10, "the server has counted what was read")
    read = read_by_index(db) - before
    check(read < 2 * kept, "I10: %d entries of indexes were read for %d passes over %d events", read, passes, kept)
    world.checked(passes)
    world.note("%d entries read, %d events, %d passes", read, kept, passes)


def read_by_index(db):
    return int(db.value("select sum(idx_tup_read) from pg_stat_user_indexes where "
                        "indexrelname = 'event_type'"))
