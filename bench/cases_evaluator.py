"""What it costs that libjq works in processes of its own, beside libjq in the same process."""
import json

import processes


def evaluator(session):
    size, program = session.size("evaluator"), session.program("bench_evaluator")
    found = []
    for _ in range(session.repeats):
        log = session.server.file("evaluator.%d.log" % processes.Child.count_next())
        found.append(json.loads(processes.finish(
            "bench_evaluator", [program, "--rounds", str(size["rounds"]), "--loaded", str(size["loaded"]),
                                "--restarts", str(size["restarts"])], log, 600)))

    def figure(metric, unit, value, **parameters):
        session.report.figure("evaluator", metric, [value(f) for f in found], unit, **parameters)

    rounds, loaded, restarts = ({"evaluations": size[name]} for name in ("rounds", "loaded", "restarts"))
    figure("evaluation_itself", "us", lambda f: f["here"], **loaded)
    figure("added_alone", "us", lambda f: f["alone"], **rounds)
    figure("added_in_eight", "us", lambda f: f["together"], **rounds)
    figure("added_cpu", "us", lambda f: f["worker"] + f["copies"] - f["here"], open=32, **loaded)
    figure("worker_cpu", "us", lambda f: f["worker"], open=32, **loaded)
    figure("time_each", "us", lambda f: f["clock"], open=32, **loaded)
    figure("restart", "us", lambda f: f["restart"], **restarts)
