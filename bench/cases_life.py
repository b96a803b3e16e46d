"""(a) whole lives of runs of checkpointed steps, (b) with pure steps riding along. Beside them the
raw reference: the same rows, inserted by a program that uses the same CPU a step."""
import statistics

import definitions
import pool
import raw
from processes import check
from spent import Spent, first_id, now, seconds_of, wait_ended
from verify import verify_runs

STEPS = 10


def overlapped(db, workflow, runs, batch, workers, flags=(), mark="key"):
    """Starters and workers at once. What it took, and the id from which on its runs are."""
    spent = Spent(db)
    children = pool.start_workers(db, workers, flags)
    with db.session() as session:
        since = first_id(session)
        spent.start_clock()
        pool.start_runs(db, workflow, runs, batch, mark)
        wait_ended(session, children)
        spent.stop_clock()
        spent.seconds = seconds_of(session, since)
    spent.worker_cpu = pool.end_workers(children)
    spent.count()
    return spent, since


def by_phase(db, workflow, runs, batch, workers, flags=(), mark="key"):
    """First all starts, then workers from their launch on."""
    spent = Spent(db)
    with db.session() as session:
        since = first_id(session)
        spent.start_clock()
        spent.start_seconds = runs / pool.start_runs(db, workflow, runs, batch, mark)
        launch = now(session)
        children = [pool.Worker(db, *flags) for _ in range(workers)]
        wait_ended(session, children)
        spent.stop_clock()
        spent.run_seconds = seconds_of(session, since, launch)
    spent.seconds = spent.start_seconds + spent.run_seconds
    spent.worker_cpu = pool.end_workers(children)
    spent.count()
    return spent, since


MEASURES = {"overlapped": overlapped, "by phase": by_phase}


def report_lives(report, bench, all_spent, total, **parameters):
    """The figures of one way to measure; all_spent: one a repeat, total steps in each."""
    def put(metric, of, unit):
        report.figure(bench, metric, [of(s) for s in all_spent], unit, **parameters)

    put("steps_per_second", lambda s: total / s.seconds, "1/s")
    put("worker_cpu_per_step", lambda s: s.worker_cpu / total * 1e6, "us")
    put("postgres_cpu_per_step", lambda s: s.postgres_cpu / total * 1e6, "us")
    put("commits_per_step", lambda s: s.commits / total, "")
    put("writing_transactions_per_step", lambda s: s.writes / total, "")
    put("wal_per_step", lambda s: s.wal / total, "bytes")
    if hasattr(all_spent[0], "run_seconds"):
        put("starts_per_second", lambda s: parameters["runs"] / s.start_seconds, "1/s")
        put("run_phase_steps_per_second", lambda s: total / s.run_seconds, "1/s")


class Reference:
    """Rates of the raw insert that belong to the measured ones, repeat by repeat."""

    def __init__(self, session, rows, runs):
        self.session, self.rows, self.runs = session, rows, runs
        self.shares, self.rates, self.cpus = [], [], []

    def add(self, spent, workers):
        steps = self.runs * STEPS
        cpu = spent.worker_cpu / steps * 1e6
        lives, used = raw.insert_lives(self.session, self.session.sample, self.rows, self.runs, STEPS,
                                       workers, cpu)
        check(used / steps * 1e6 > 0.95 * cpu, "the reference used %.1f us a step, not %.1f",
              used / steps * 1e6, cpu)
        self.rates.append(lives * STEPS)
        self.cpus.append(used / steps * 1e6)
        self.shares.append(steps / spent.seconds / (lives * STEPS))

    def report(self, report, **parameters):
        report.figure("raw", "steps_per_second", self.rates, "1/s", writers=parameters["workers"],
                      runs=self.runs, cpu_per_step=round(statistics.median(self.cpus), 1))
        report.figure("life", "share_of_raw", self.shares, "", **parameters)


def measure_life(session, how, workers, flags):
    size, report = session.size("life"), session.report
    runs, all_spent, reference = size["runs"], [], None
    for _ in range(session.repeats):
        with session.server.database() as db:
            workflow = pool.apply(db, definitions.sets("life", STEPS, True))
            spent, since = MEASURES[how](db, workflow, runs, size["batch"], workers, flags)
            with db.session() as psql:
                rows = verify_runs(psql, since, runs, STEPS, "key", own_rows=STEPS)
            if session.sample is None:
                session.sample = session.server.file("sample")
                raw.write_sample(db, session.sample)
            start = pool.batch_function(db)
        all_spent.append(spent)
        if how == "overlapped":
            reference = reference or Reference(session, rows // runs, runs)
            reference.add(spent, workers)
    parameters = {"how": how, "workers": workers, "runs": runs, "steps": STEPS, "starts_by": start,
                  "flags": " ".join(flags)}
    report_lives(report, "life", all_spent, runs * STEPS, **parameters)
    report.figure("life", "steps_in_journal", runs * STEPS, "", **parameters)
    report.figure("life", "rows_in_journal", rows, "", **parameters)
    if reference:
        reference.report(report, **parameters)
    return rows // runs


def life(session):
    rows = 0
    for flags in session.size("life")["flags"]:
        for workers in session.size("life")["workers"]:
            rows = measure_life(session, "overlapped", workers, flags.split())
    for workers in session.size("life")["workers"]:
        measure_life(session, "by phase", workers, [])
    runs = session.size("life")["runs"]
    measured = [raw.insert_lives(session, session.sample, rows, runs, STEPS)
                for _ in range(session.repeats)]
    session.report.figure("raw", "steps_per_second", [lives * STEPS for lives, _ in measured], "1/s",
                          writers=1, runs=runs, cpu_per_step=round(statistics.median(
                              cpu for _, cpu in measured) / runs / STEPS * 1e6, 1))


def pure(session):
    """The same runs three times: bare, with pure steps riding along, and without a checkpoint."""
    size, report = session.size("pure"), session.report
    runs, added = size["runs"], size["added"]
    forms = {
        "checkpointed": (definitions.sets("bare", STEPS, True), STEPS),
        "riding": (definitions.riding("riding", STEPS, added), STEPS * (1 + added)),
        "pure": (definitions.sets("pure", STEPS, False), STEPS),
    }
    measured = {name: [] for name in forms}
    for _ in range(session.repeats):
        for name, (document, steps) in forms.items():
            with session.server.database() as db:
                workflow = pool.apply(db, document)
                spent, since = overlapped(db, workflow, runs, size["batch"], 1)
                with db.session() as psql:
                    verify_runs(psql, since, runs, steps, "key",
                                own_rows=None if name == "pure" else STEPS)
                measured[name].append(spent)
    for name, (_, steps) in forms.items():
        if name != "checkpointed":
            report_lives(report, "pure", measured[name], runs * steps, form=name, runs=runs, steps=steps)
    extra = runs * STEPS * added
    for metric, of in (("worker_cpu_per_added_step", "worker_cpu"),
                       ("postgres_cpu_per_added_step", "postgres_cpu"), ("time_per_added_step", "seconds")):
        report.figure("pure", metric, [
            (getattr(with_pure, of) - getattr(bare, of)) / extra * 1e6
            for bare, with_pure in zip(measured["checkpointed"], measured["riding"])], "us",
            runs=runs, added=added)
