"""What a stretch of work took: time by the database's clock, CPU, transactions, WAL."""
from processes import wait_for


class Spent:
    """Create it before the workers that are measured connect."""

    def __init__(self, db):
        self.db, self.before = db, db.counters()

    def start_clock(self):
        self.cpu_before = self.db.server.cpu()

    def stop_clock(self):
        self.postgres_cpu = self.db.server.cpu() - self.cpu_before

    def count(self):
        """Once the workers have gone. The commits of our own sessions are left out."""
        self.commits, self.writes, self.wal = (
            b - a for a, b in zip(self.before, self.db.counters()))


def wait_ended(session, watched, timeout=1200):
    """Until no run is left."""
    wait_for(lambda: not session.rows("select run_id from stepwell.lease order by run_id limit 1"),
             timeout, "all runs end", 0.05, watched)


def seconds_of(session, since, begin=None):
    """From the first start, or from `begin`, to the commit that ended the last run."""
    return session.number(
        "select extract(epoch from max(pg_xact_commit_timestamp(xmin)) - %s) from stepwell.run "
        "where id >= '%s'" % ("'%s'" % begin if begin else "min(created_at)", since))


def now(session):
    return session.value("select clock_timestamp()")


def first_id(session):
    """An id below all that are drawn from now on."""
    return session.value("select stepwell.first_id(clock_timestamp() - interval '5 ms')")
