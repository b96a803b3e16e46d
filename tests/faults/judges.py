"""The judges: what must hold after any fault (I1 to I11), read from the public views and the
recorder. Those of a whole workload (judge) name every violation they find; the others say the
first one."""
import itertools

from harness import Failure, check, records_of, some
from workload import KEYED, LINE, ONCE, PLAIN, REFUSED, ROW, step_id

# Every operation of every journal. PostgreSQL's json functions refuse an object with \u0000 in it.
OPS = ("(select j.run_id, j.seq, t.n, t.o ->> 'op' as op, t.o ->> 'path' as path, t.o as o "
       "from stepwell.journal j cross join lateral json_array_elements(replace(j.data::text, "
       "'\\u0000', '\\ufdd0')::json) with ordinality as t(o, n))")
SLICE = 1000  # runs whose journals are looked at together


# ---- For any database ----

def journal_is_whole(db):
    """I7: numbered without a gap, nothing after the end, every outcome written once, no end that
    was changed into another."""
    bad = db.rows("select run_id, count(*) as entries, max(seq) as last from stepwell.journal "
                  "group by run_id having count(*) <> max(seq) or min(seq) <> 1")
    check(not bad, "I7: journals with gaps: %s", some(bad))
    bad = db.rows("select run_id, path from %s ops where op = 'completed' group by run_id, path "
                  "having count(*) > 1" % OPS)
    check(not bad, "I2: completed more than once: %s", some(bad))
    bad = db.rows("select e.run_id, e.seq from (select run_id, seq, n, lead(op) over (partition by "
                  "run_id order by seq, n) as next, op, path from %s ops) e where e.path = '' and e.op in "
                  "('completed', 'faulted', 'cancelled') and e.next is distinct from 'retried' and "
                  "e.next is not null" % OPS)
    check(not bad, "I7: entries behind the end: %s", some(bad))
    bad = db.rows("select r.id, r.status from stepwell.runs r left join stepwell.lease l on "
                  "l.run_id = r.id where (r.status in ('completed', 'faulted', 'cancelled')) = "
                  "(l.run_id is not null)")
    check(not bad, "I1: leases do not fit the runs: %s", some(bad))
    ends_are_final(db)


def ends_are_final(db):
    """I7: a run that has ended changes only by `retry`, and only if it had faulted; and it ended as
    its journal says."""
    bad = db.rows("select run_id, old, new from audit.status where new is not null or old <> 'faulted'")
    check(not bad, "I7: ends that were changed: %s", some(bad))
    bad = db.rows(
        "select r.id, r.status, last.op from stepwell.run r cross join lateral (select op from %s ops "
        "where ops.run_id = r.id and path = '' and op in ('completed', 'faulted', 'cancelled') "
        "order by seq desc, n desc limit 1) last where r.status is distinct from last.op and "
        "r.status is not null" % OPS)
    check(not bad, "I7: ended otherwise than the journal says: %s", some(bad))


def all_completed(db, count):
    """I1: as many runs as were accepted, all completed."""
    statuses = db.statuses()
    if statuses != {"completed": count}:
        rest = db.rows("select r.id, r.status, l.reason, r.error from stepwell.runs r left join "
                       "stepwell.lease l on l.run_id = r.id where r.status <> 'completed' limit 5")
        history = db.cli("history", rest[0]["id"])[1] if rest else ""
        raise Failure("I1: not all completed: %s\n%s\n%s" % (statuses, rest, history[-4000:]))


def healthy(workers):
    """I8: no worker ended by itself, or with a sanitizer's report."""
    for worker in workers:
        code, text = worker.process.poll(), worker.output()
        check("Sanitizer" not in text and "runtime error:" not in text, "I8: worker %d: %s", worker.pid,
              text[-3000:])
        check(code in (None, 0, -9, -15), "I8: worker %d ended with %s: %s", worker.pid, code,
              text[-3000:])


def files_of(workers):
    return {worker.pid: worker.files() for worker in workers if worker.alive()}


def files_bounded(workers, before, kept):
    """I8: no more descriptors than before, but for connections to endpoints and sessions of `call: sql`
    that are kept."""
    for pid, count in files_of(workers).items():
        most = before.get(pid, count) + kept
        check(count <= most, "I8: worker %d has %d files open, %d at first", pid, count, before.get(pid))


def sessions_bounded(db, workers, sql_connections=4):
    """I8: no more sessions than the pool may have."""
    count = db.count("pg_stat_activity where datname = current_database() and application_name like "
                     "'stepwell%'")
    check(count <= workers * (4 + sql_connections), "I8: %d sessions of %d workers", count, workers)


def effects_once(db, recorder, runs, *branches, but=(), in_order=True):
    """I2, I4, I6, I11, for runs of one definition whose branches are lists of steps, one after the
    other. At the deduplicating recorder: every step applied exactly once, under one key (its stepId),
    with one request, in order; and each journaled output is that application's answer. How many
    requests there were besides the necessary ones. but: runs that are left aside; in_order=False: what
    had happened may have been lost, and be done again."""
    records = {place: found for place, found in records_of(recorder).items() if place[0] not in but}
    steps = [step for branch in branches for step in branch]
    paths = {(run, step) for run in runs for step in steps}
    check(set(records) == paths, "I4: requests do not fit the steps: missing %s, unexpected %s",
          some(sorted(paths - set(records))), some(sorted(set(records) - paths)))
    journaled = {(r["run_id"], r["name"]): r for r in db.rows(
        "select run_id, path, name, step_id, status, output ->> 'id' as reply from stepwell.steps")}
    for (run, step), requests in records.items():
        where = "%s %s" % (run, step)
        applied = [r for r in requests if r["applied"]]
        entry = journaled[run, step]
        check(len(applied) == 1, "I2: %s: applied %d times", where, len(applied))
        check(len({r["key"] for r in requests}) == 1, "I2: %s: several keys", where)
        check(len({(r["sha256"], r["head"]) for r in requests}) == 1, "I11: %s: several requests", where)
        check(entry["status"] == "completed", "I4: %s: %s", where, entry["status"])
        derived = step_id(run, entry["path"])
        check(requests[0]["key"] == entry["step_id"] == derived,
              "I2: %s: key %s, stepId %s, derived %s", where, requests[0]["key"], entry["step_id"], derived)
        check(entry["reply"] == "%s-%d" % (step, applied[0]["n"]),
              "I4: %s: journaled %s, applied as number %d", where, entry["reply"], applied[0]["n"])
    for run, branch in itertools.product(runs, branches if in_order else ()):
        for before, after in zip(branch, branch[1:]):
            last = max(r["n"] for r in records[run, before])
            first = min(r["n"] for r in records[run, after])
            check(last < first, "I6: %s: %s was sent again after %s", run, before, after)
    return sum(len(r) for r in records.values()) - len(paths)


def rows_exact(db, ids, steps):
    """I2: each `call: sql` of the table `effect` has left exactly one row."""
    rows = {(r["run_id"], r["step"]): r["n"] for r in db.rows(
        "select run_id, step, count(*) as n from effect group by 1, 2")}
    expected = {(i, s): 1 for i in ids for s in steps}
    check(rows == expected, "I2: rows of call: sql: %d, expected %d; differing: %s", len(rows),
          len(expected), some(k for k in set(rows) | set(expected) if rows.get(k) != expected.get(k)))


def delivered_once(db, recorder, ids, steps, most=1, but=()):
    """I3: at the endpoint that does not know keys, each step exactly once (or up to `most` times, or
    oftener if its run is one of `but`), under its stepId."""
    records = records_of(recorder)
    wrong = {k: len(v) for k, v in records.items() if len(v) > most and k[0] not in but}
    check(not wrong, "I3: delivered more than %d times: %s", most, some(wrong.items()))
    missing = [(i, s) for i in ids for s in steps if (i, s) not in records]
    check(not missing, "I4: not delivered: %s", some(missing))
    keys = {(r["run_id"], r["step_id"]) for r in db.rows("select run_id, step_id from stepwell.steps")}
    wrong = [k for k, v in records.items() if any((k[0], r["key"]) not in keys for r in v)]
    check(not wrong, "I2: not under their stepIds: %s", some(wrong))


def intents_are_there(db, records):
    """I4: of each request that was sent, the intent is in the journal (of a server that may have lost
    something). How many steps were looked at."""
    attempts = {(r["run_id"], r["name"]): r["attempts"] for r in db.rows(
        "select run_id, name, attempts from stepwell.steps")}
    missing = [(place, len(found), attempts.get(place, 0)) for place, found in records.items()
               if len(found) > attempts.get(place, 0)]
    check(not missing, "I4: sent without a durable intent (step, requests, attempts): %s",
          some(missing))
    return len(records)


def starts_kept(db, ids):
    """I1: the runs whose starts were acknowledged are there."""
    lost = set(ids) - {r["id"] for r in db.rows("select id from stepwell.runs")}
    check(not lost, "I1: starts that were acknowledged are lost: %s", some(lost))


def nothing_lost(db):
    """For faults that no worker died of. What an order to cancel has cut short is in the entry that says so."""
    lost = db.rows("select run_id, seq, op from %s ops where op = 'lost' and not exists (select from %s cut where "
                   "cut.run_id = ops.run_id and cut.seq = ops.seq and cut.op = 'cancelled' and "
                   "(cut.o ->> 'uncertain')::boolean)" % (OPS, OPS))
    check(not lost, "I3: the worker lived, yet attempts were lost: %s", some(lost))


# ---- What was hit ----

def takeovers(db):
    """Each takeover as {run_id, seq, at, worker (who took), owner (who lost it), lost (whether an
    attempt was under way)}."""
    rows = db.rows(
        "select ops.run_id, ops.seq, op, o ->> 'worker' as worker, (o ->> 'loss')::boolean as loss, "
        "coalesce((o ->> 'again')::boolean, false) as again, extract(epoch from j.at) as at from %s ops "
        "join stepwell.journal j on j.run_id = ops.run_id and j.seq = ops.seq where op in ('claimed', "
        "'lost', 'waiting') order by run_id, seq, n" % OPS)
    found, run, owner, last, before = [], None, None, None, None
    for row in rows:
        if row["run_id"] != run:
            run, owner, last = row["run_id"], None, None
        if row["op"] == "claimed":
            if row["loss"]:
                last = {"run_id": run, "seq": row["seq"], "at": row["at"], "worker": row["worker"],
                        "owner": owner, "lost": False}
                found.append(last)
            elif before != "claimed":  # else who took it gives it to a process of its own
                last = None
            owner = row["worker"]
        elif last and (row["op"] == "lost" or row["again"]):
            last["lost"] = True
        before = row["op"]
    return found


def kills_that_hit(db, killed):
    """How many of these workers (uuids) had runs taken over, and with an attempt under way."""
    found = takeovers(db)
    return (len({t["owner"] for t in found} & set(killed)),
            len({t["owner"] for t in found if t["lost"]} & set(killed)))


# ---- For a workload ----

class Verdict:
    """Violations and how much was looked at."""

    def __init__(self):
        self.found, self.checked = [], 0

    def that(self, condition, text, *arguments):
        if not condition:
            self.found.append(text % arguments)

    def none(self, items, text):
        self.found += ["%s: %s" % (text, item) for item in items]

    def end(self):
        if self.found:
            more = "\nand %d more" % (len(self.found) - 20) if len(self.found) > 20 else ""
            raise Failure("\n".join(self.found[:20]) + more, len(self.found))


class Story:
    """What the journal, the recorder and the tables say about one run."""

    def __init__(self, run, row, ops, records, rows, lines):
        self.run, self.row, self.records, self.rows, self.lines = run, row, records, rows, lines
        self.ops_in_order = ops
        self.by_path = {}
        for op in ops:
            self.by_path.setdefault(op["path"], []).append(op)

    def ops(self, step, *names):
        return [o for o in self.by_path.get(step.path, []) if o["op"] in names]

    def losses(self, step):
        """Faults that hit the step: each explains one delivery more."""
        return sum(o["op"] == "lost" or o["uncertain"] for o in self.by_path.get(step.path, []))


def read_stories(mix, ids, everything):
    db, records = mix.db, {}
    for (run, label), found in everything.items():
        records.setdefault(run, {})[label] = found
    rows = {(r["run_id"], r["step"]): r["n"] for r in db.rows(
        "select run_id, step, count(*) as n from effect group by 1, 2")}
    lines = mix.lines()
    for first in range(0, len(ids), SLICE):
        part = ids[first:first + SLICE]
        chosen = "'{%s}'::uuid[]" % ",".join(part)
        ends = {r["id"]: r for r in db.rows(
            "select id, status, case when octet_length(output::text) < 1000000 then output end as output "
            "from stepwell.runs where id = any (%s)" % chosen)}
        ops = {}
        for op in db.rows(
                "select e.run_id, e.seq, t.o ->> 'op' as op, t.o ->> 'path' as path, "
                "coalesce((t.o ->> 'uncertain')::boolean, false) as uncertain, "
                "case when json_typeof(t.o -> 'output') = 'object' then t.o -> 'output' ->> 'id' end "
                "as reply, extract(epoch from e.at) as at, "
                "extract(epoch from pg_xact_commit_timestamp(e.xmin)) as committed from "
                "stepwell.entry e cross join lateral json_array_elements(e.data::json) with ordinality as "
                "t(o, n) where e.run_id = any (%s) and e.kind <> 'frames' order by e.run_id, e.seq, t.n"
                % chosen):
            ops.setdefault(op["run_id"], []).append(op)
        for run in part:
            yield Story(run, ends.get(run), ops.get(run, []), records.get(run, {}), rows, lines)


def judge_keys(v, records, known):
    """I2: a key stands for one step of one run; and nobody but our runs sends anything."""
    owner = {}
    for place, found in records.items():
        v.that(place[0] in known, "I4: a request of an unknown run: %s", place)
        for key in {r["key"] for r in found}:
            v.that(owner.setdefault(key, place) == place, "I2: one key for %s and %s", place, owner.get(key))


def judge_delivery(v, story, step):
    """I2, I3, I4, I11 of one step."""
    where = "%s %s %s" % (story.run, step.path, step.kind)
    found = story.records.get(step.label, [])
    key = step_id(story.run, step.path)
    completed = story.ops(step, "completed")
    refused = step.kind == REFUSED
    v.that(completed or refused or step.optional, "I4: %s: not completed", where)
    keys = story.lines.get((story.run, step.label), []) if step.kind == LINE else [r["key"] for r in found]
    v.checked += len(keys)
    v.that(set(keys) <= {key}, "I2: %s: keys %s, stepId %s", where, set(keys), key)
    v.that(len({(r["sha256"], r["head"], r["path"]) for r in found}) <= 1, "I11: %s: several requests", where)
    if step.kind == ROW:
        count = story.rows.get((story.run, step.label), 0)
        v.checked += count
        v.that(count == 1, "I2: %s: %d rows", where, count)
        return
    v.that(len(keys) >= step.tries or not completed, "I4: %s: completed after %d of %d deliveries", where,
           len(keys), step.tries)
    if step.kind == ONCE:
        v.that(len(keys) <= 1, "I3: %s: delivered %d times", where, len(keys))
    elif step.kind in (PLAIN, LINE):
        v.that(len(keys) <= 1 + story.losses(step), "I3: %s: delivered %d times, hit by %d faults", where,
               len(keys), story.losses(step))
    applied = [r for r in found if r["applied"]]
    if step.kind in (KEYED, REFUSED):
        most = 0 if refused else 1
        v.that(len(applied) <= most, "I2: %s: applied %d times", where, len(applied))
    if completed and step.kind in (KEYED, PLAIN, ONCE) and step.reply:
        replies = {"%s-%d" % (step.label, r["n"]) for r in applied}
        v.that(completed[-1]["reply"] in replies, "I4: %s: journaled %s, applied as %s", where,
               completed[-1]["reply"], replies)
    if applied and not completed:
        v.that(any(o["op"] == "lost" or o["uncertain"]
                   for path in (step.path, "") for o in story.by_path.get(path, [])),
               "I4: %s: applied, and the journal does not say that it may have been", where)


def judge_order(v, story, scenario):
    """I6: nothing is delivered before its intent is durable, nor before the success of what comes
    before it is; and no wait is cut short."""
    steps = {s.label: s for s in scenario.steps}
    for step in scenario.steps:
        found, begun = story.records.get(step.label, []), story.ops(step, "started")
        if found and begun:
            early = begun[0]["committed"] - min(r["at"] for r in found)
            v.that(early <= 0, "I6: %s %s: sent %.4f s before its intent was durable", story.run, step.path,
                   early)
        v.that(begun or not found, "I6: %s %s: sent without an intent", story.run, step.path)
    for before, after in ((b, a) for chain in scenario.chains for b, a in zip(chain, chain[1:])):
        sent, then = story.records.get(before, []), story.records.get(after, [])
        done = story.ops(steps[before], "completed", "faulted")
        if not then:
            continue
        v.that(done, "I6: %s: %s was sent, %s has no outcome", story.run, after, before)
        if done:
            early = done[0]["committed"] - min(r["at"] for r in then)
            v.that(early <= 0, "I6: %s: %s was sent %.4f s before the outcome of %s was durable", story.run,
                   after, early, before)
        v.that(not sent or max(r["since"] for r in sent) <= min(r["at"] for r in then),
               "I6: %s: %s was sent again after %s", story.run, before, after)
    for before, after, seconds in scenario.waits:
        sent, then = story.records.get(before, []), story.records.get(after, [])
        if sent and then:
            took = min(r["at"] for r in then) - max(r["since"] for r in sent if r["applied"])
            v.that(took >= seconds, "I6: %s: %s came %.3f s after %s, not %.3f s", story.run, after, took,
                   before, seconds)


def judge_times(v, story):
    """I6: entries bear the database's time: in order, and not later than they were committed."""
    for before, after in zip(story.ops_in_order, story.ops_in_order[1:]):
        v.that(before["at"] <= after["at"] + 0.5 and after["at"] <= after["committed"] + 0.5,
               "I6: run %s: entry %d of %.3f was committed at %.3f, the one before is of %.3f", story.run,
               after["seq"], after["at"], after["committed"], before["at"])


def judge_writers(v, db):
    """The fence: between two claims only the claimant writes."""
    v.none(db.rows(
        "select e.run_id, e.seq, e.app, e.worker_id as writer, c.worker as owner from audit.entry e "
        "join stepwell.entry j on j.run_id = e.run_id and j.seq = e.seq cross join lateral (select "
        "substring(k.data from '\"worker\":\"([^\"]+)')::uuid as worker from stepwell.entry k where "
        "k.run_id = e.run_id and k.kind = 'claimed' and k.seq <= e.seq order by k.seq desc limit 1) c "
        "where e.app like 'stepwell%' and j.kind not in ('created', 'retried', 'resumed') and "
        "e.worker_id is distinct from c.worker"), "I7: an entry of a worker that does not own the run")


def judge_leases(v, db, records):
    """I3: no worker sends anything when it has no lease. Where the recorder knows who sent it."""
    spans = {}
    for row in db.rows("select pid, extract(epoch from seen_at) as since, extract(epoch from expires_at) "
                       "as until from audit.lease"):
        spans.setdefault(row["pid"], []).append((row["since"], row["until"]))
    for place, found in records.items():
        for record in found:
            known = spans.get(record.get("pid"), ())
            v.checked += "pid" in record
            # It may have come at any time from "since" to "at".
            v.that("pid" not in record or any(record["since"] <= until and since <= record["at"]
                                              for since, until in known),
                   "I3: %s: sent by worker %d, %.3f s after its lease", place, record.get("pid"),
                   record["since"] - max((u for s, u in known if s <= record["at"]), default=0))


def judge_takeovers(v, db, hit, healed, bound):
    """I5: after the last fault has healed, whatever was lost is taken over in time. I3: nothing is
    taken from a worker before its lease has run out, unless it is one of those that were hit."""
    leases = {}
    for row in db.rows("select worker_id, extract(epoch from seen_at) as since, "
                       "extract(epoch from expires_at) as until from audit.lease"):
        leases.setdefault(row["worker_id"], []).append((row["since"], row["until"]))
    for t in takeovers(db):
        v.that(not healed or t["at"] <= healed + bound, "I5: run %s was taken over %.1f s after the last "
               "fault, bound %.1f s", t["run_id"], t["at"] - (healed or 0), bound)
        # A heartbeat that was late may come between the look at the lease and the claim.
        known = [until for since, until in leases.get(t["owner"], ()) if since < t["at"] - 2]
        v.that(t["owner"] in hit or t["at"] >= max(known, default=0),
               "I3: run %s was taken from worker %s, which lived and had its lease", t["run_id"], t["owner"])


def uuids_of(db, pids):
    """All workers that these processes ever were, and those that they had started for suspects."""
    rows = db.rows("select distinct worker_id, pid, parent from audit.lease")
    known = {r["worker_id"] for r in rows if r["pid"] in set(pids)}
    return known | {r["worker_id"] for r in rows if r["parent"] in known}


def judge(mix, workers=(), hit=(), healed=None, bound=None):
    """All invariants of a workload that has ended. hit: the pids whose sessions may have vanished before
    their lease was over. healed: when the last fault was over; bound: how long takeovers may take then. Returns
    the number of effects that were checked."""
    db, v, records = mix.db, Verdict(), records_of(mix.recorder)
    journal_is_whole(db)
    expected = dict(mix.expected())
    v.that(db.count("stepwell.runs") == len(expected), "I1: %d runs, %d were accepted",
           db.count("stepwell.runs"), len(expected))
    judge_keys(v, records, expected)
    for story in read_stories(mix, sorted(expected), records):
        scenario = expected[story.run]
        if not story.row:
            v.that(False, "I1: run %s (%s) is not there", story.run, scenario.name)
            continue
        v.that(story.row["status"] in scenario.ends, "I1: run %s (%s) is %s", story.run, scenario.name,
               story.row["status"])
        if scenario.output and story.row["status"] == "completed":
            wanted = scenario.output(mix.given[story.run])
            v.that(story.row["output"] == wanted, "I4: run %s (%s): output %.100s, not %.100s", story.run,
                   scenario.name, story.row["output"], wanted)
        v.none(set(story.records) - {s.label for s in scenario.steps},
               "I4: run %s (%s): a request that no step makes" % (story.run, scenario.name))
        for step in scenario.steps:
            judge_delivery(v, story, step)
        judge_order(v, story, scenario)
        judge_times(v, story)
    judge_writers(v, db)
    judge_leases(v, db, records)
    judge_takeovers(v, db, uuids_of(db, hit), healed, bound or 0)
    healthy(workers)
    v.end()
    return v.checked


def complete(world, count, timeout=30):
    """A case with workers of its own is over: everything has completed, and nobody has crashed."""
    try:
        world.db.wait_idle(timeout)
    except Failure as failure:
        raise Failure("%s\n%s" % (failure, "\n---\n".join(
            w.output()[-1500:] for w in world.known["workers"]))) from None
    all_completed(world.db, count)
    journal_is_whole(world.db)
    world.check_workers()
