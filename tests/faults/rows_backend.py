"""A backend or the postmaster is killed: all sessions end, the server recovers from its log."""
import os
import signal

from catalogue import case
from harness import wait_for
from rows_server import under_faults

# Who may be hit: our own sessions, somebody's who only looks, and processes of the server.
VICTIMS = ("stepwell journal", "stepwell control", "stepwell heartbeat", "stepwell sql", "psql",
           "checkpointer", "walwriter", "background writer")


@case(14, own_server=True)
def backend_killed(world):
    """kill -9 to one of its processes: the postmaster ends all sessions, and recovers."""
    db = world.db

    def fault():
        kind = world.random.choice(VICTIMS)
        world.plan("kill -9 a %s", kind)
        pids = db.value("select string_agg(pid::text, ' ' order by pid) from pg_stat_activity where "
                        "application_name = '%s' or backend_type = '%s'" % (kind, kind)).split()
        pid = int(world.random.choice(pids)) if pids else db.cluster.process("walwriter")
        before = db.cluster.accepted()
        os.kill(pid, signal.SIGKILL)
        db.close()
        wait_for(lambda: db.cluster.accepted() > before, 30, "the server recovers", 0.01)
    under_faults(world, "a process of the server is killed", fault, world.size(2, 25, 250),
                 world.size(30, 800, 800))


@case(14, own_server=True)
def postmaster_killed(world):
    """kill -9 to the postmaster; somebody starts it again."""
    db = world.db

    def fault():
        db.close()
        db.cluster.kill()
        db.cluster.start()
    under_faults(world, "the postmaster is killed", fault, world.size(2, 10, 250), world.size(30, 200, 800))
