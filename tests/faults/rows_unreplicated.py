"""Commits that the server calls committed while its synchronous standby has not got them: somebody
cancels or terminates the backend that waits for it."""
import os
import subprocess
import time

from catalogue import case
from harness import Worker, check, check_landed, records_of, wait_for
from judges import (all_completed, effects_once, healthy, intents_are_there, journal_is_whole, rows_exact,
                    starts_kept)
from pgproxy import Proxy
from rows_crash import NO_POISON, SOON
from rows_replica import standby_of
from rows_server import load
from servers import die_with_us

WAITING = ("pg_stat_activity where wait_event = 'SyncRep' and (application_name like 'stepwell%' or "
           "application_name = 'wfctl')")
CANCELLED = "canceling"  # how the server's warning begins, for a cancel and for a termination


class Pair:
    """A primary and its synchronous standby, whose stream can be silenced."""

    def __init__(self, world, primary):
        self.world, self.db, self.primary = world, world.db, primary
        self.standby = standby_of(world, primary)
        self.link = Proxy(primary.dir + "/socket").__enter__()
        world.ends.append(self.end_link)
        self.standby.tool("psql", "-qX", "-h", self.standby.dir + "/socket", "-d", "postgres", "-c",
                          "alter system set primary_conninfo = '%s'" % self.link.conninfo("user=postgres"),
                          "-c", "select pg_reload_conf()")
        wait_for(lambda: self.link.connected() and self.db.value(
            "select sync_state from pg_stat_replication") == "sync", 30, "the standby streams by the proxy")
        self.conninfo = "host=%s/socket,%s/socket user=postgres dbname=%s target_session_attrs=read-write" % (
            primary.dir, self.standby.dir, self.db.name)
        self.workers = [world.keep(Worker(self.db, [*SOON, *NO_POISON, "--concurrency", "8"],
                                          conninfo=self.conninfo)) for _ in range(2)]
        for worker in self.workers:
            worker.wait_ready()

    def end_link(self):
        if self.link:
            self.link.__exit__()
        self.link = None

    def start_by_hand(self):
        """A `wfctl start`, under way."""
        process = subprocess.Popen(
            die_with_us(self.db.wfctl, "start", "crash/mixed", "--input", '{"n": 0}', "--db", self.conninfo),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=dict(os.environ))
        self.world.ends.append(process.kill)
        return process

    def interrupt(self, count):
        """Hits backends that wait for the standby."""
        world, before = self.world, len(self.primary.said(CANCELLED, self.db.name))
        for _ in range(count):
            pids = wait_for(lambda: self.db.value("select string_agg(pid::text, ' ' order by pid) from "
                                                  + WAITING).split(), 20, "a commit waits for the standby")
            pid, how = world.random.choice(pids), world.random.choice(("cancel", "terminate"))
            world.plan("%s a backend that waits for the standby", how)
            world.inject(self.db.count("(select pg_%s_backend(pid) as hit from %s and pid = %s) h where hit" % (
                how, WAITING, pid)))
            time.sleep(world.random.uniform(0.05, 0.2))
        world.land(len(self.primary.said(CANCELLED, self.db.name)) - before)


def in_silence(pair, hits, alone):
    """The standby hears nothing, backends that wait for it are interrupted, and no `wfctl start` says
    that it has done its work. Those starts, still under way."""
    pair.link.hole()
    starts = [pair.start_by_hand() for _ in range(2)]
    if alone:  # so that they are among those that wait
        wait_for(lambda: pair.db.count(WAITING + " and application_name = 'wfctl'"), 20, "a start waits")
    pair.interrupt(hits)
    early = [p for p in starts if p.poll() == 0]
    check(not early, "I2: `wfctl start` reported a run that the standby had not got: exit 0")
    return starts


def ended(starts):
    """The ids of the runs of those that said so; the others say why not."""
    ids = []
    for process in starts:
        out, err = process.communicate(timeout=90)
        check(process.returncode in (0, 7), "I8: wfctl start: exit %s: %s", process.returncode, err)
        check(process.returncode == 0 or "replicated" in err or "connection" in err, "I8: %s", err)
        ids += out.split() if process.returncode == 0 else []
    return ids


def fail_over(world, pair):
    """The primary dies in its silence; what the standby has is what counts."""
    for worker in pair.workers:
        worker.send_signal(19)  # SIGSTOP: nobody adds to the new primary before it was looked at
    records = records_of(world.recorder)
    pair.db.close()
    pair.primary.stop("immediate")
    pair.end_link()
    pair.standby.promote()
    pair.db.cluster, pair.db.conninfo = pair.standby, pair.standby.conninfo(pair.db.name)
    world.checked(intents_are_there(pair.db, records))
    for worker in pair.workers:
        worker.send_signal(18)  # SIGCONT


@case(17, own_server=True)
def interrupted_waits(world):
    """Silences that end well, then one in which the primary dies: no effect is sent whose intent the
    standby has not got, no start says that it was done."""
    db, primary, ids = world.db, world.cluster, []
    world.known["replicated"] = db
    for number in range(world.size(1, 10, 100)):
        pair = Pair(world, primary)
        if number == 0:
            load(world, 0)
        given = db.start("mixed", 30)
        ids += given
        for last in (False, True):
            time.sleep(world.random.uniform(0.1, 0.5))
            check_landed(db.active(), "nothing was under way")
            starts = in_silence(pair, world.random.randint(3, 5), alone=not last)
            if last:
                fail_over(world, pair)
            else:
                pair.link.heal()
            ids += ended(starts)
        db.wait_idle(60)
        healthy(pair.workers)
        for worker in pair.workers:
            worker.end()
        if primary is not world.cluster:
            world.ends.remove(primary.destroy)
            primary.destroy()
        primary = pair.standby
    starts_kept(db, ids)
    ids = [r["id"] for r in db.rows("select id from stepwell.runs")]
    all_completed(db, len(ids))
    journal_is_whole(db)
    rows_exact(db, ids, [1, 2, 3, 4])
    effects_once(db, world.recorder, ids, ["s1", "s2", "s3", "s4"])
    world.checked(8 * len(ids))
    world.note("%d runs", len(ids))
