"""Many who want something of the server at once: all its slots are taken, everybody comes back after an
outage, everybody has something to announce."""
import socket
import struct
import threading
import time

from catalogue import case
from harness import check, check_landed, http_steps, wait_for
from judges import all_completed, effects_once, healthy, journal_is_whole, sessions_bounded
from rows_crash import NO_POISON
from rows_rights import role

REFUSED = "too many clients"


class Crowd:
    """Takes every free slot of a server, and keeps it; also those that become free."""

    def __init__(self, cluster):
        self.path, self.held = cluster.dir + "/socket/.s.PGSQL.5432", []
        self.full, self.over = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def connect(self):
        """A session, or None where the server refuses it."""
        words = b"user\0postgres\0database\0postgres\0application_name\0crowd\0\0"
        session = socket.socket(socket.AF_UNIX)
        session.connect(self.path)
        session.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        answer = session.recv(1)  # R: welcome; E: not so
        if answer == b"R":
            return session
        session.close()
        return None

    def take(self):
        while not self.over.is_set():
            session = self.connect()
            if session:
                self.held.append(session)
            else:
                self.full.set()
                time.sleep(0.005)

    def leave(self):
        self.over.set()
        self.thread.join()
        for session in self.held:
            session.close()


def refused(cluster, database):
    """When sessions of this database were refused, in seconds of the day."""
    times = []
    for line in cluster.said(REFUSED, database):
        hours, minutes, seconds = line.split()[1].split(":")
        times.append(int(hours) * 3600 + int(minutes) * 60 + float(seconds))
    return times


def slots_taken(world, pool, seconds):
    """The workers' sessions end, and somebody is quicker to take their slots. How soon work went on."""
    db, cluster = world.db, world.cluster
    crowd = Crowd(cluster)
    world.ends.append(crowd.leave)
    check_landed(crowd.full.wait(20), "there is always a slot left")
    wait_for(lambda: not db.count("(select pg_terminate_backend(pid) from pg_stat_activity where application_name "
                                  "like 'stepwell%') t"), 20, "the workers have no sessions", 0.02)
    before = len(refused(cluster, db.name))
    world.land(db.active() > 0)
    time.sleep(seconds)  # that long there is no slot
    code, _, err = db.cli("status")
    crowd.leave()
    left = time.monotonic()
    times = refused(cluster, db.name)[before:]
    check(code == 7 and REFUSED in err, "I8: wfctl status without a slot: exit %d: %s", code, err)
    since = db.value("select now()")
    wait_for(lambda: db.count("stepwell.journal where at > '%s'" % since) or not db.active(), 10,
             "I5: work goes on", 0.05)
    return times, time.monotonic() - left


@case(27, own_server=True)
def no_slot_left(world):
    """All slots are taken for a while: each worker asks about once a second, and is back soon."""
    db, cluster, seconds, rates, slowest = world.db, world.cluster, world.size(4, 10, 60), [], 0
    cluster.tool("psql", "-qX", "-h", cluster.dir + "/socket", "-d", "postgres", "-c",
                 "alter system set max_connections = 40", "-c", "alter system set superuser_reserved_connections = 0")
    db.close()
    cluster.restart("fast")
    db.apply("mixed", http_steps(world.recorder.url, 4, "/delay/300"))
    ids, count = [], 2
    with world.pool(count, "--concurrency", "8", *NO_POISON) as pool:
        pool.wait_ready()
        for _ in range(world.size(1, 6, 10)):
            ids += db.start("mixed", 24, len(ids) + 1)
            world.recorder.wait("/delay", 4 * (len(ids) - 24) + 10)
            world.inject()
            times, took = slots_taken(world, pool, seconds)
            slowest = max(slowest, took)
            settled = [t for t in times if t > times[0] + 2]  # the first attempts come in quick succession
            rates.append(len(settled) / (seconds - 2) / count)
            # One each that was due just before the window is no more than that.
            check(len(times) >= count, "the workers did not ask")
            check(len(settled) <= count * (seconds - 2) + count, "I10: %.2f attempts a second and worker", rates[-1])
            first = len(times) - len(settled)
            check(first <= 10 * count, "I10: %d attempts in the first 2 s", first)
            db.wait_idle(60)
            sessions_bounded(db, count)
        check(not pool.replace_dead(), "I8: workers ended: %s", [w.output()[-500:] for w in pool.gone])
        healthy(pool.all())
    check(slowest <= world.within(10), "I5: back after %.1f s", slowest)
    all_completed(db, len(ids))
    journal_is_whole(db)
    effects_once(db, world.recorder, ids, ["s%d" % i for i in range(1, 5)])
    world.checked(4 * len(ids))
    world.figure("attempts", max(rates))
    world.note("%.2f attempts a second and worker, back after %.2f s", max(rates), slowest)


# ---- Row 31: a herd ----

def most_a_second(times, window=3):
    """The largest number of these a second, within a window of some seconds."""
    return max((sum(t <= other < t + window for other in times) for t in times), default=0) / window


def drain(db):
    """How many runs a second have ended, of the middle half of them."""
    first, count = db.value("select run_id from stepwell.lease order by run_id limit 1"), db.active()
    db.wait_idle(20 + count / 50)
    return count / 2 / float(db.value(
        "select extract(epoch from percentile_disc(0.75) within group (order by ended_at) - percentile_disc(0.25) "
        "within group (order by ended_at)) from stepwell.runs where id >= '%s'" % first))


@case(31, own_server=True, alone_in_full=True)
def herd_after_an_outage(world):
    """Many workers, many runs that are due, and a server that was away: they come back one after the other,
    and work as fast as before."""
    db, count, runs, away = world.db, world.size(5, 20, 20), world.size(500, 3000, 10000), world.size(4, 12, 60)
    db.apply("pure", [{"s%d" % i: {"set": {"x": i}, "metadata": {"checkpoint": True}}}
                      for i in range(world.size(20, 150, 150))])
    pool = [world.worker(*NO_POISON, proxied=True) for _ in range(count)]
    rates, worst = [], 0
    for number in range(1 + world.size(1, 2, 3)):
        for worker in pool:
            worker.send_signal(19)  # SIGSTOP: nobody begins before all are due
        db.start("pure", runs)
        if not number:  # the normal rate
            for worker in pool:
                worker.send_signal(18)
            rates.append(drain(db))
            continue
        world.inject()
        world.land(db.active() == runs)
        db.close()
        world.cluster.stop("immediate")
        gone, before = time.monotonic(), len(world.proxy.arrivals)
        for worker in pool:
            worker.send_signal(18)
        time.sleep(away)
        world.cluster.start()
        rates.append(drain(db))
        wait_for(lambda: db.count("stepwell.session") >= 4 * count, 30, "all are back")
        times = world.proxy.arrivals[before:]
        early = [t for t in times if t < gone + 2]
        later = most_a_second([t for t in times if t >= gone + 2])
        check(len(early) <= 8 * count, "I10: %d connects in the first 2 s of %d workers", len(early), count)
        check(later <= world.size(1.4, 1, 1) * count, "I10: %.1f connects a second of %d workers", later, count)
        worst = max(worst, later)
    all_completed(db, runs * len(rates))
    journal_is_whole(db)
    world.check_workers()
    check(all(w.alive() for w in pool), "I8: workers ended")
    ratio = min(rates[1:]) / rates[0]
    # A few hundred runs are over before all workers are back.
    check(ratio >= world.size(0, 0.8, 0.8), "I5: after the outage %.0f runs/s, %.0f before", min(rates[1:]), rates[0])
    world.checked(runs * len(rates))
    world.figure("connects", worst)
    world.note("at most %.1f connects a second of %d workers", worst, count)
    if world.size(False, True, True):
        world.figure("ratio", ratio)
        world.note("%.0f %% of the normal rate", 100 * ratio)


# ---- Row 33: notifications ----

class Listener:
    """Counts what is notified."""

    def __init__(self, world):
        self.psql = world.holder("select 1")
        self.psql.stdin.write("rollback; listen stepwell;\n\\echo listens\n")
        check(self.psql.stdout.readline() == "listens\n", "a psql was to listen")

    def count(self):
        """Since the last time; psql tells of what came when it has run something."""
        self.psql.stdin.write("select 1 \\g /dev/null\n\\echo counted\n")
        return sum("stepwell" in line for line in iter(self.psql.stdout.readline, "counted\n"))


def submit(world, count, seconds, conninfo):
    """So many at once start runs with `wfctl start` for that long, and end what they have begun; how many,
    and how long it took."""
    began, done = time.monotonic(), []

    def work():
        while time.monotonic() < began + seconds:
            world.db.cli("start", "crash/pure", "--input", '{"n": 1}', expect=0, conninfo=conninfo)
            done.append(1)
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done), time.monotonic() - began


@case(33, alone=True)
def submitters(world):
    """Many `wfctl start` at once: what they notify is bounded, and costs them next to nothing, compared with
    a database where they may not notify."""
    db, seconds = world.db, world.size(0.7, 4, 10)
    conninfo = role(db, "clerk_" + db.name)
    clerk = conninfo.partition("user=")[2].split()[0]
    db.apply("pure", [{"one": {"set": {"x": 1}}}])
    worker = world.worker(conninfo=conninfo)
    db.psql("revoke execute on function pg_notify from public")
    listener, rates, most, told, of = Listener(world), {True: 0, False: 0}, 0, 0, 0
    order = [True, False] * world.size(1, 4, 10)
    world.random.shuffle(order)
    for notifies in order:
        db.psql("%s execute on function pg_notify %s %s" % (("grant", "to", clerk) if notifies else
                                                            ("revoke", "from", clerk)))
        listener.count()
        count, took = submit(world, 64, seconds, conninfo)
        found = listener.count()
        rates[notifies] += count / took / (len(order) / 2)
        check(notifies == (found > 0), "I10: %d notifications, may notify: %s", found, notifies)
        most, told, of = max(most, found / took), told + found, of + count * notifies
        world.inject()
        world.land()
    db.start("pure", 500)
    check(listener.count() == 0, "I10: starts by SQL have notified")
    db.wait_idle(30)
    starts = db.count("stepwell.run")
    all_completed(db, starts)
    journal_is_whole(db)
    check(worker.alive(), "I8: %s", worker.output()[-2000:])
    world.check_workers()
    ratio = rates[True] / rates[False]
    check(most <= 100, "I10: %.0f notifications a second", most)
    # 64 processes on a few cores: where they come close together, one speaks for all.
    check(told < 0.9 * of, "I10: %d notifications of %d starts", told, of)
    check(ratio >= world.size(0.3, 0.9, 0.9), "I10: %.0f starts/s with notifications, %.0f without", rates[True],
          rates[False])
    world.checked(starts)
    world.figure("notifications", most)
    world.note("%.0f starts and at most %.0f notifications a second; %d %% of the starts notified; %.0f %% of the "
               "rate without", rates[True], most, 100 * told / of, 100 * ratio)
