"""What a pool does about losses that were nobody's fault in it: workers that log in as different roles
(row 66)."""
import signal

from catalogue import case
from harness import check, http_task, wait_for
from judges import all_completed, effects_once, healthy, journal_is_whole
from rows_rights import role
from sessions import SOON


@case(66)
def login_of_another(world):
    """A worker that is frozen while it holds runs is taken over by one that sees its sessions and may
    not end them; also when one of the runs is locked by such a session."""
    db, recorder = world.db, world.recorder
    group, logins = db.name + "_g", [db.name + "_wa", db.name + "_wb"]
    role(db, group)
    db.psql("create role {0} login in role {2}; create role {1} login in role {2}; grant pg_monitor to {1}".format(
        *logins, group))
    world.ends.append(lambda: db.psql("drop role {0}, {1}; drop owned by {2}; drop role {2}".format(*logins, group)))
    first, second = (db.conninfo.replace("user=postgres", "user=" + login) for login in logins)
    db.apply("http", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")},
                      {"s2": http_task(recorder.url, "/dedupe/{run}/s2")}])
    ids = db.start("http", count := world.size(4, 40, 400))
    frozen = world.worker(*SOON, conninfo=first)
    recorder.wait("/hold", count)
    frozen.send_signal(signal.SIGSTOP)
    world.inject(count)
    world.land(frozen.owned())
    helper = world.worker(*SOON, conninfo=second)
    wait_for(lambda: not frozen.owned(), 15, "I5: the runs of a frozen worker are taken over")
    recorder.wait("/hold", 2 * count)
    recorder.release("gate")
    db.wait_idle(30)
    check("ermission" not in helper.output(), "I8: %s", helper.output())
    frozen.send_signal(signal.SIGCONT)
    healthy([helper])
    all_completed(db, count)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2"])
    world.checked(2 * count)
