"""Time zones of sessions and of the server, in the weeks in which their offset changes, at the turn of the year and in
the 53rd week (row 64). The server's clock is another one: libfaketime."""
import datetime
import json
import zoneinfo

from catalogue import case
from harness import check_landed, http_task, records_of, wait_for
from judges import Verdict, healthy, journal_is_whole

UTC = datetime.timezone.utc
WEEK, DAY = datetime.timedelta(days=7), datetime.timedelta(days=1)
# The last minutes of weeks (Monday to Sunday, UTC), and zones whose offset has changed in them, or, where a year of ISO
# ends, those that are furthest from UTC.
MOMENTS = [
    ("2026-03-08 23:40", ["America/New_York", "America/St_Johns", "America/Havana"]),
    ("2026-03-29 23:40", ["Europe/Berlin", "Europe/London", "Atlantic/Azores"]),
    ("2026-04-05 23:40", ["Australia/Lord_Howe", "Pacific/Chatham", "America/Santiago"]),
    ("2026-09-06 23:40", ["America/Santiago", "Pacific/Easter"]),
    ("2026-10-04 23:40", ["Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Norfolk"]),
    ("2026-10-25 23:40", ["Europe/Berlin", "Europe/Lisbon", "Asia/Beirut"]),
    ("2026-11-01 23:40", ["America/New_York", "America/St_Johns"]),
    ("2026-12-27 23:40", ["Pacific/Kiritimati", "Pacific/Marquesas"]),
    ("2027-01-03 23:40", ["Pacific/Kiritimati", "Pacific/Marquesas", "Asia/Kathmandu"])]  # the end of week 53


class Counted(Verdict):
    def that(self, condition, text, *arguments):
        self.checked += 1
        super().that(condition, text, *arguments)


def moment(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


def monday(at):
    return datetime.datetime.combine((at - at.weekday() * DAY).date(), datetime.time(), UTC)


def offset_changes(zone, at):
    """In the week of that instant, or in one of the two that follow."""
    zone = zoneinfo.ZoneInfo(zone)
    return any((monday(at) + n * WEEK).astimezone(zone).utcoffset() != (
        monday(at) + (n + 1) * WEEK).astimezone(zone).utcoffset() for n in range(3))


def first_id(at):
    """The smallest UUIDv7-like id of an instant."""
    digits = "%012x" % int(at.timestamp() * 1000)
    return "%s-%s-0000-0000-000000000000" % (digits[:8], digits[8:])


def weeks_are_right(v, db, mondays, text):
    """I1: each week has a partition of its name and its bounds, reckoned here."""
    for parent in ("run", "entry"):
        found = {r["name"]: (r["lower_id"], r["upper_id"]) for r in db.rows(
            "select * from stepwell.partition_bounds('%s')" % parent)}
        for start in mondays:
            name = "%s_%dw%02d" % (parent, *start.isocalendar()[:2])
            v.that(found.get(name) == (first_id(start), first_id(start + WEEK)), "I1: %s: %s is %s, not %s", text, name,
                   found.get(name), (first_id(start), first_id(start + WEEK)))


class Zone:
    """A database whose sessions are in that zone, and what is started in it."""

    def __init__(self, world, cluster, name, at):
        self.world, self.name, self.at = world, name, at
        self.db, self.text = world.new_database(cluster), "%s at %s" % (name, at.strftime("%F %R"))
        self.env = {"TZ": name, "PGTZ": name}
        url = world.recorder.url
        self.db.apply("quick", [{"s": http_task(url, "/dedupe/{run}/s")}, {"nap": {"wait": {"milliseconds": 900}}},
                                {"t": http_task(url, "/dedupe/{run}/t")}])
        self.db.apply("up", [
            {"sub": {"run": {"workflow": {"namespace": "crash", "name": "quick", "version": "1.0.0"}}}},
            {"long": {"wait": "P90D"}}, {"after": http_task(url, "/dedupe/{run}/after")}])
        self.db.psql("alter database %s set timezone = '%s'; drop table stepwell.run_%s, stepwell.entry_%s" % (
            self.db.name, name, *(2 * ["%dw%02d" % at.isocalendar()[:2]])))
        self.db.close()
        check_landed(self.db.psql("show timezone") == name, "its sessions are not in %s", name)

    def begin(self, v):
        """The first start of the week makes its partitions; runs wait, or come to their end."""
        db = self.db
        self.quick, self.up = db.start("quick", 3), db.start("up", 2)
        weeks_are_right(v, db, [monday(self.at) + n * WEEK for n in range(3)], self.text)
        late = (self.at + datetime.timedelta(minutes=50)).astimezone(zoneinfo.ZoneInfo(self.name))
        run = db.cli("start", "crash/quick", "--at", late.isoformat(), env=self.env, expect=0)[1].strip()
        due = float(db.value("select extract(epoch from due) from stepwell.lease where run_id = '%s'" % run))
        v.that(due == late.timestamp(), "I6: %s: a start at %s is due %.0f s off", self.text, late, due - late.timestamp())
        db.cli("cancel", run, expect=0)
        worker = self.world.keep(self.worker())
        wait_for(lambda: db.count("stepwell.lease where state <> 'waiting' or owner is not null") == 0, 30,
                 "all wait or have ended")
        worker.end(15)
        healthy([worker])
        self.told(v)

    def worker(self):
        pool = self.world.pool(1, "--poll", "50ms", db=self.db, env=self.env)
        return pool.workers[0]

    def told(self, v):
        """What list and status tell of times is UTC, whatever the sessions' zone is."""
        rows = {r["id"]: r for r in self.db.rows(
            "select id, extract(epoch from created_at) as created, extract(epoch from ended_at) as ended from stepwell.runs")}
        listed = [json.loads(line) for line in self.db.cli("list", "-o", "jsonl", env=self.env, expect=0)[1].splitlines()]
        shown = json.loads(self.db.cli("status", self.quick[0], "-o", "json", env=self.env, expect=0)[1])
        for told in listed + [shown]:
            for member, column in (("createdAt", "created"), ("endedAt", "ended")):
                wanted, text = rows[told["id"]][column], told[member]
                at = text and datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
                v.that((at is None) == (wanted is None) and abs((at or 0) - (wanted or 0)) < 0.001,
                       "I6: %s: %s of run %s is %s, not %s", self.text, member, told["id"], text, wanted)
        v.that(len(listed) == len(rows), "I1: %s: %d runs are listed, not %d", self.text, len(listed), len(rows))

    def collect(self, v, now):
        """Weeks later gc drops what has ended, and nothing else."""
        db = self.db
        kept = sorted([*self.up, *db.value("select id from stepwell.run where parent_run_id is not null").split()])
        entries = "select run_id || ' ' || seq || ' ' || kind from stepwell.entry where run_id = any ('{%s}') order by 1" % (
            ",".join(kept))
        before, count = db.value(entries), db.count("stepwell.run")
        plan, told = (db.psql("select weeks, runs, kept from stepwell.gc('30 days', %s)" % dry) for dry in ("true", "false"))
        wanted = "%d|%d|%d" % (sum(monday(self.at) + (n + 1) * WEEK <= now - 30 * DAY for n in range(3)),
                               count - len(kept), len(kept))
        v.that(plan == told == wanted, "I1: %s: gc would drop %s and has dropped %s, not %s", self.text, plan, told, wanted)
        v.that(sorted(db.value("select id from stepwell.run").split()) == kept, "I1: %s: the wrong runs were dropped",
               self.text)
        v.that(db.value(entries) == before, "I2: %s: entries of runs that have not ended were dropped", self.text)
        db.psql("select stepwell.make_partitions()")
        weeks_are_right(v, db, [monday(now) + n * WEEK for n in range(3)], self.text)
        for run in self.up:
            db.cli("cancel", run, expect=0)
        self.world.keep(self.worker())

    def end(self, v):
        self.db.wait_idle(60)
        journal_is_whole(self.db)
        for run in self.quick:
            v.that(len(records_of(self.world.recorder)[run, "s"]) == 1, "I2: %s: sent again", run)
        for run, step in records_of(self.world.recorder):
            v.that(step != "after", "I6: %s: run %s went on before its time", self.text, run)


@case(64, long=True)
def weeks_of_change(world):
    """Runs are started in the last minutes of a week in which the offset of their sessions' zone changes, and gc goes
    over that week later on, in the same zone."""
    v, cluster = Counted(), None
    chosen = sorted(world.random.sample(MOMENTS[:7], 1)) if world.sizes == 0 else MOMENTS
    for text, names in chosen:
        at = moment(text)
        if not cluster:
            cluster = world.new_cluster(clock=at.timestamp(), settings="timezone = '%s'" % world.random.choice(names))
        else:
            cluster.stop()
            cluster.clock = at.timestamp()
            cluster.start()
        zones = [Zone(world, cluster, name, at) for name in (world.random.sample(names, 2) if world.sizes == 0 else names)]
        for zone in zones:
            world.plan("%s", zone.text)
            world.inject()
            world.land(offset_changes(zone.name, at) or at.isocalendar()[1] > 51)
            zone.begin(v)
            zone.db.close()
        cluster.stop()
        later = at + 40 * DAY
        cluster.clock = later.timestamp()
        cluster.start()
        for zone in zones:
            zone.collect(v, later)
        for zone in zones:
            zone.end(v)
            zone.db.close()
        v.end()
    world.checked(v.checked)
    world.note("%d moments", len(chosen))


@case(64)
def weeks_of_all_years(world):
    """The partitions of many years, made in sessions of the zones that are furthest from UTC: each has the name and the
    bounds of its week of ISO, also at the turn of the year and in years of 53 weeks."""
    db, v = world.db, Counted()
    years = range(2026, world.size(2028, 2050, 2100))
    for number, zone in enumerate(world.random.sample(sorted({z for _, names in MOMENTS for z in names}), 2)):
        mondays = []
        for year in years[number::2]:
            last = monday(datetime.datetime(year, 12, 28, tzinfo=UTC))  # is in the last week of its year
            mondays += [last - WEEK, last, last + WEEK]
            mondays += [monday(datetime.datetime(year, month, 25, tzinfo=UTC)) for month in (3, 10)]
        world.plan("%d weeks in %s", len(mondays), zone)
        db.psql("begin; set timezone = '%s'; %s commit" % (zone, "".join(
            "select stepwell.make_partition('%s', '%s');" % (parent, start.strftime("%F"))
            for start in mondays for parent in ("run", "entry"))))
        weeks_are_right(v, db, mondays, zone)
        world.inject(len(mondays))
        world.land(len(mondays))
    world.checked(v.checked)
    v.end()
