"""Workers of two versions on one database while its schema moves on (row 12)."""
import os
import shutil
import subprocess
import time

from catalogue import case
from harness import Database, Failure, Missing, ROOT, Worker, check, http_steps, preload, shim
from judges import all_completed, effects_once, healthy, journal_is_whole
from rows_crash import NO_POISON, SOON, bound, pick
from workload import FLAGS, Mix

OLD = ROOT / "build-old"  # trees of older versions, built once


def git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Missing("no history here: git %s: %s" % (" ".join(arguments), done.stderr.strip()))
    return done.stdout.strip()


def older_version():
    """The last commit that did not have the newest migration."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        raise Missing("no git history here")
    newest = sorted((ROOT / "sql" / "migrations").glob("*.sql"))[-1].relative_to(ROOT)
    added = git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest))
    if not added:
        raise Missing("%s is not committed" % newest)
    return git("rev-parse", "--short=12", added + "^")


def build(commit):
    """The program of a commit, from its own tree."""
    tree, program = OLD / commit, OLD / commit / "build" / "wfctl"
    if not program.exists():
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", str(tree)], check=True, input=packed.stdout)
        for command in (["meson", "setup", "build", "-Dchecks=disabled"], ["ninja", "-C", "build"]):
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if done.returncode:
                raise Failure("building %s: %s" % (commit, (done.stdout + done.stderr)[-3000:]))
    return str(program)


def is_refused(db, wfctl, word):
    """What a program says that does not fit the schema."""
    for arguments in (["worker", "--until-idle"], ["status"], ["migrate", "--check"]):
        code, out, err = db.cli(*arguments, wfctl=wfctl)
        check(code == 7 and word in out + err, "I8: wfctl %s: exit %d: %s", " ".join(arguments), code,
              out + err)


@case(12)
def newer_schema(world):
    """The schema moves on under workers that are running: they end what they have; new ones of
    their version say what is wrong."""
    db, recorder = world.db, world.recorder
    db.apply("http", http_steps(recorder.url, 4, "/delay/100"))
    with world.pool(2) as pool:
        pool.wait_ready()
        ids = db.start("http", 20)
        recorder.wait("/delay", 20)
        world.land(db.active() > 0)
        db.psql("insert into stepwell.migration (number, name, digest) values (9999, 'to_come', '')")
        is_refused(db, None, "newer")
        world.inject()
        db.wait_idle(30)
        pool.drain()
    healthy(pool.all())
    all_completed(db, len(ids))
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])
    world.checked(4 * len(ids))


@case(12)
def older_workers(world):
    """A pool of the version before; its database is migrated under load; workers of both versions
    are killed and take over from each other; the older ones cannot come back."""
    if world.size(True, False, False):
        raise Missing("the older version is built by nightly and release")
    old = build(older_version())
    db = Database(world.cluster, world.name, old)
    world.ends.append(db.close)
    db.psql((ROOT / "tests" / "faults" / "audit.sql").read_text())
    mix = Mix(db, world.new_recorder(), world.seed, [
        "line", "loop", "nap", "sleep", "listen", "retry", "compensate", "sql", "shell", "big", "pure", "plain",
        "fail", "hold"])  # what the older version knows, and does right
    env = preload(shim(world.cluster, "who"))
    new = world.wfctl

    def start(wfctl):
        worker = world.keep(Worker(db, [*FLAGS, *SOON, *NO_POISON], env=env, wfctl=wfctl,
                                   allowed=["--allow-sql"] if wfctl == new else []))
        worker.wait_ready()
        return worker
    workers, killed = [start(old) for _ in range(3)], []
    mix.start(60)
    time.sleep(0.5)
    code, _, err = db.cli("migrate", wfctl=new)
    check(code == 0, "I8: migrate under load: exit %d: %s", code, err)
    is_refused(db, old, "newer")
    workers += [start(new) for _ in range(2)]
    for _ in range(world.size(0, 20, 200)):
        choice, pause = world.random.random(), world.random.uniform(0.1, 0.6)
        mix.top_up(60)
        time.sleep(pause)
        owners = [i for i, w in enumerate(workers) if w.alive() and w.owned()]
        older = sum(w.alive() for w in workers[:3])
        index = pick(owners, choice) if owners else 0
        if not owners or index < 3 and older == 1:
            continue  # the last of its kind is drained below
        world.plan("after %.3f s kill %s worker", pause, "an older" if index < 3 else "a newer")
        world.inject()
        world.land()
        workers[index].end()
        killed.append(workers[index])
        if index >= 3:
            workers[index] = start(new)
    for worker in workers[:3]:
        if worker.alive():
            check(worker.end(15, 30) == 0, "I8: an older worker did not drain: %s", worker.output()[-2000:])
    healed = time.time()
    mix.finish(120)
    is_refused(db, old, "newer")
    db.wfctl = new
    world.judge(mix, hit=[w.pid for w in killed], healed=healed, bound=bound(world))
    healthy(world.known["workers"])
    world.note("%s, %d runs", os.path.basename(os.path.dirname(os.path.dirname(old))), len(mix.runs))
