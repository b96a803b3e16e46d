"""The judges: what must hold after any fault, read from the public views and the recorder."""
import itertools

from harness import check, records_of

# Every operation of every journal.
OPS = ("(select j.run_id, j.seq, t.n, t.o ->> 'op' as op, t.o ->> 'path' as path, t.o as o "
       "from stepwell.journal j cross join lateral json_array_elements(j.data) "
       "with ordinality as t(o, n))")


def some(rows):
    return "%d: %s" % (len(rows), rows[:5])


def journal_is_whole(db):
    """Numbered without a gap, nothing after the end, every task's outcome written once."""
    bad = db.rows("select run_id, count(*) as entries, max(seq) as last from stepwell.journal "
                  "group by run_id having count(*) <> max(seq) or min(seq) <> 1")
    check(not bad, "journals with gaps: %s", some(bad))
    bad = db.rows("select run_id, path from %s ops where op = 'completed' group by run_id, path "
                  "having count(*) > 1" % OPS)
    check(not bad, "completed more than once: %s", some(bad))
    bad = db.rows("select e.run_id, e.seq from (select run_id, seq, n, lead(op) over (partition by "
                  "run_id order by seq, n) as next, op, path from %s ops) e where e.path = '' and e.op in "
                  "('completed', 'faulted', 'cancelled') and e.next is distinct from 'retried' and "
                  "e.next is not null" % OPS)
    check(not bad, "entries behind the end: %s", some(bad))
    bad = db.rows("select r.id, r.status from stepwell.runs r left join stepwell.lease l on "
                  "l.run_id = r.id where (r.status in ('completed', 'faulted', 'cancelled')) = "
                  "(l.run_id is not null)")
    check(not bad, "leases do not fit the runs: %s", some(bad))


def all_completed(db, count):
    statuses = db.statuses()
    if statuses != {"completed": count}:
        rest = db.rows("select r.id, r.status, l.reason, r.error from stepwell.runs r left join "
                       "stepwell.lease l on l.run_id = r.id where r.status <> 'completed' limit 5")
        history = db.cli("history", rest[0]["id"])[1] if rest else ""
        check(False, "not all completed: %s\n%s\n%s", statuses, rest, history[-4000:])


def effects_once(db, recorder, runs, *branches):
    """Branches are lists of steps, one after the other. At the deduplicating recorder: every step applied exactly once, under one key (its stepId),
    with one body, in order; and each journaled output is that application's answer."""
    records = records_of(recorder)
    steps = [step for branch in branches for step in branch]
    paths = {(run, step) for run in runs for step in steps}
    check(set(records) == paths, "requests do not fit the steps: missing %s, unexpected %s",
          some(sorted(paths - set(records))), some(sorted(set(records) - paths)))
    journaled = {(r["run_id"], r["name"]): r for r in db.rows(
        "select run_id, path, name, step_id, status, output ->> 'id' as reply, "
        "stepwell.step_id(run_id, path) as derived from stepwell.steps")}
    for (run, step), requests in records.items():
        where = "%s %s" % (run, step)
        applied = [r for r in requests if r["applied"]]
        entry = journaled[run, step]
        check(len(applied) == 1, "%s: applied %d times", where, len(applied))
        check(len({r["key"] for r in requests}) == 1, "%s: several keys", where)
        check(len({r["sha256"] for r in requests}) == 1, "%s: several bodies", where)
        check(entry["status"] == "completed", "%s: %s", where, entry["status"])
        check(requests[0]["key"] == entry["step_id"] == entry["derived"],
              "%s: key %s, stepId %s, derived %s", where, requests[0]["key"], entry["step_id"],
              entry["derived"])
        check(entry["reply"] == "%s-%d" % (step, applied[0]["n"]),
              "%s: journaled %s, applied as number %d", where, entry["reply"], applied[0]["n"])
    for run, branch in itertools.product(runs, branches):
        for before, after in zip(branch, branch[1:]):
            last = max(r["n"] for r in records[run, before])
            first = min(r["n"] for r in records[run, after])
            check(last < first, "%s: %s was sent again after %s", run, before, after)
    return sum(len(r) for r in records.values()) - len(paths)


def kills_that_hit(db, killed):
    """How many of these workers (uuids) had runs taken over, and with an attempt under way."""
    rows = db.rows("select run_id, op, o ->> 'worker' as worker, (o ->> 'loss')::boolean as loss, "
                   "seq, n from %s ops where op in ('claimed', 'lost') order by run_id, seq, n" % OPS)
    taken, in_flight = set(), set()
    run = owner = lost_owner = None
    for row in rows:
        if row["run_id"] != run:
            run, owner, lost_owner = row["run_id"], None, None
        if row["op"] == "lost":
            if lost_owner:
                in_flight.add(lost_owner)
            continue
        lost_owner = owner if row["loss"] else None
        if lost_owner:
            taken.add(lost_owner)
        owner = row["worker"]
    return len(taken & set(killed)), len(in_flight & set(killed))


def enough_hits(kills, hits):
    check(hits * 10 >= kills * 3, "void: only %d of %d kills hit work in flight", hits, kills)
