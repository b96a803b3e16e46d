"""Processes for suspects: that they are bounded, that the worker which starts them counts a death once and
finds what hangs (row 9)."""
import os
import signal

from catalogue import case
from harness import check, http_task, preload, shim, wait_for
from judges import OPS, complete, effects_once, healthy, journal_is_whole
from sessions import CONTROL, HEARTBEAT

LEASE = 1.0
SHORT = ["--lease", "1s", "--heartbeat", "200ms", "--poll", "100ms"]


def start_suspect(db, name):
    """A run that has lost two workers, and has its next process to itself."""
    return db.psql("begin; select stepwell.start('crash/%s', '{\"n\": 1}') as id \\gset\n"
                   "update stepwell.lease set due = 'infinity', suspect_at = now(), company = 1, losses = 2, "
                   "lost_at = now(), lost_seq = 1 where run_id = :'id'; commit; select :'id';" % name)


def process_of(db, run, but=()):
    """The process for suspects that has it, once it is there; but: those of before."""
    def ask():
        pid = db.value("select w.pid from stepwell.worker w join stepwell.lease l on l.owner = w.id where "
                       "l.run_id = '%s' and w.parent is not null and w.pid > 0" % run)
        return int(pid) if pid and int(pid) not in but else None
    return wait_for(ask, 30, "I5: the run has a process of its own")


def state(db, run):
    return db.rows("select state, deaths, losses, reason from stepwell.lease where run_id = '%s'" % run)


@case(9)
def hung_and_frozen(world):
    """A process that uses the processor for a lease without coming back to its loop hangs: that is evidence
    against its run. One that is stopped is ended, too, and proves nothing. What a suspect starts is bounded
    like the process itself."""
    db, recorder, hanging = world.db, world.recorder, world.new_recorder()
    hang = {"HANG_PORT": hanging.url.rpartition(":")[2]}
    db.apply("hang", [{"s1": http_task(hanging.url, "/dedupe/{run}/s1")}])
    db.apply("held", [
        {"s0": {"run": {"shell": {"command": "cat /proc/self/oom_score_adj; grep 'Max data size' /proc/self/limits"}}}},
        {"s1": http_task(recorder.url, "/hold/gate/{run}/s1")}])
    worker = world.worker(*SHORT, "--allow-run", "--poison-after", "1", "--suspect-memory", "512MiB",
                          env=preload(shim(world.cluster, "hang_in"), **hang))
    held = start_suspect(db, "held")
    recorder.wait("/hold", 1)
    stopped = process_of(db, held)
    os.kill(stopped, signal.SIGSTOP)
    world.inject(2)
    hung = start_suspect(db, "hang")
    recorder.wait("/hold", 2, 60)
    check(process_of(db, held) != stopped, "I5: it is executed in another process")
    wait_for(lambda: state(db, hung)[0]["state"] == "suspended", 60, "I5: what hangs is suspended")
    check(state(db, hung)[0]["deaths"] == 1 and state(db, held)[0]["deaths"] == 0, "I5: deaths: %s, %s",
          state(db, hung), state(db, held))
    reason = state(db, hung)[0]["reason"]
    check("process hung in /do/0/s1" in reason, "I8: the reason is %s", reason)
    found = db.rows("select o -> 'death' as death, o -> 'evidence' as evidence from %s ops where op = 'claimed' and "
                    "run_id = '%s' and o -> 'death' is not null" % (OPS, held))
    check([(f["death"]["signal"], f["evidence"]) for f in found] == [("SIGKILL", None)], "I8: the journal: %s", found)
    recorder.release("gate")
    wait_for(lambda: not state(db, held), 30, "I5: the other one ends")
    bounds = db.value("select output #>> '{}' from stepwell.steps where run_id = '%s' and name = 's0'" % held).split()
    check(bounds[0] == "1000", "the kernel would choose a command with %s", bounds)
    check(world.sanitized or 0 < int(bounds[4]) <= 512 << 20, "a command may have data of %s", bounds)
    check(not hanging.records("/dedupe"), "what hangs has been sent")
    journal_is_whole(db)
    healthy([worker])
    world.land(2)
    world.checked(2)


@case(9)
def verdicts_unheard(world):
    """The answers to verdicts are lost, and each is given again until one is heard: a death of a definition, of an
    event and of a run counts once all the same."""
    db, recorder, deaths = world.db, world.recorder, 3
    db.apply("one", [{"wait": {"listen": {"to": {"one": {"with": {"type": "one"}, "correlate": {"n": {
        "from": "${ .data.n | tostring }", "expect": "${ $workflow.input.n | tostring }"}}}}}}}])
    db.apply("bad", [{"a": {"set": {"x": "${ \"poison\" + ($workflow.id | tostring) }"}}}])
    db.apply("held", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")}])
    worker = world.worker(*SHORT, proxied=True, env=preload(shim(world.cluster, "die_of"), DIE_OF="\"poison\""))
    db.start("one", 1)
    wait_for(lambda: db.count("stepwell.subscription") == 1, 30, "it listens")
    rules = [world.proxy.rule(CONTROL, "after", sql=sql) for sql in
             ["set deaths = c.deaths + 1"] * 2 + ["t.at = w.routes_from"] * 2 + ["coalesce(m.deaths, 0) + $5"] * 2]
    db.psql("""begin; select stepwell.emit('{"id": "bad", "source": "/s", "type": "one", "data": {"n": "poison"}}');
               update stepwell.event set tries = 2; select stepwell.start('crash/bad'); insert into stepwell.compiling
               (definition_id, loading) select id, array[gen_random_uuid(), gen_random_uuid()] from
               stepwell.definition where name = 'bad'; commit""")
    held, seen = start_suspect(db, "held"), []
    for _ in range(deaths):
        recorder.wait("/hold", len(seen) + 1, 60)
        seen.append(process_of(db, held, seen))
        os.kill(seen[-1], signal.SIGABRT)
    wait_for(lambda: state(db, held)[0]["state"] == "suspended", 60, "I5: the run is suspended")
    wait_for(lambda: db.value("select tries from stepwell.event where not routed") == "5", 60, "I5: the event is put aside")
    wait_for(lambda: db.value("select c.deaths from stepwell.compiling c join stepwell.definition d on d.id = "
                              "c.definition_id where d.name = 'bad'") == str(deaths), 60, "I5: the definition is put aside")
    wait_for(lambda: db.count("stepwell.worker where parent is not null") == 0, 30, "I10: no process is left")
    check(state(db, held)[0]["deaths"] == deaths, "I5: %s", state(db, held))
    log = worker.output()
    ended = [log.count(what) for what in ("was ended by SIGABRT in bad, ", "process of 1 suspect run was ended by SIGABRT")]
    check(ended == [deaths, 2 * deaths], "I5: so many processes died: %s", ended)
    out = db.cli("doctor")[1]
    check("definition crash/bad:1.0.0 is not compiled any more" in out and "bad of /s, type one" in out, "I8: doctor: %s", out)
    check(all(rule.hits for rule in rules), "so many answers were lost: %s", [rule.hits for rule in rules])
    journal_is_whole(db)
    healthy([worker])
    world.inject(len(rules))
    world.land(len(rules))
    world.checked(3)


@case(9)
def events_are_left_to_others(world):
    """A process that has suspects does not route what they wait for: an event that ended it would be blamed on
    them. Somebody else says that he has the events in hand, so that they stay."""
    db, recorder = world.db, world.recorder
    db.apply("both", [{"f": {"fork": {"branches": [
        {"s1": http_task(recorder.url, "/hold/gate/{run}/s1")},
        {"wait": {"listen": {"to": {"one": {"with": {"type": "one"}}}}}}]}}}])
    db.psql("insert into stepwell.worker (id, host, pid, version, expires_at, postmaster_started_at, by_place, routes_since) "
            "values (gen_random_uuid(), 'x', 1, '0', now() + interval '1 hour', pg_postmaster_start_time(), true, "
            "now() + interval '1 hour')")
    db.psql("""select stepwell.emit('{"id": "1", "source": "/s", "type": "one"}')""")
    world.worker(*SHORT, proxied=True)
    asks = world.proxy.rule(HEARTBEAT, "after", nth=1 << 30, sql="age(e.xmin)")
    routes = world.proxy.rule(HEARTBEAT, "after", nth=1 << 30, sql="routes_since")
    run = start_suspect(db, "both")
    world.inject()
    wait_for(lambda: asks.seen > 2, 30, "the process sees again and again that an event waits for its place")
    check(not routes.seen, "I5: it has routed")
    check(db.count("stepwell.event where routed") == 0, "somebody has routed")
    db.psql("delete from stepwell.worker where host = 'x'")
    world.land()
    recorder.release("gate")
    complete(world, 1)
    effects_once(db, recorder, [run], ["s1"], in_order=False)
    world.checked(1)
