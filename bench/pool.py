"""Workers and starters: the product's own paths."""
import json
import os
import re
import urllib.request

import definitions
import machine
from processes import Child, check, finish, wait_for

LANES = 2  # journal connections of a worker
HELD = 24 * 3600 * 1000  # delay of a stub that does not answer, milliseconds


class Worker(Child):
    """`wfctl worker` on a database."""

    def __init__(self, db, *flags):
        self.db = db
        super().__init__("worker", [db.server.wfctl, "worker", "--db", db.conninfo, *flags],
                         db.server.file("worker.%d.log" % Child.count_next()))

    def rss(self):
        return machine.memory_of(self.pid)

    def id(self, session):
        rows = session.rows("select id from stepwell.worker where pid = %d" % self.pid)
        return rows[0][0] if rows else None


def start_workers(db, count, flags=()):
    """Running, with all their connections."""
    workers = [Worker(db, *flags) for _ in range(count)]
    with db.session() as session:
        wait_for(lambda: session.count(
            "select count(*) from stepwell.session where slot like 'journal%%' and worker_id in "
            "(select id from stepwell.worker where pid = any ('{%s}'))" % ",".join(
                str(w.pid) for w in workers)) == LANES * count, 60, "workers register", 0.02, workers)
    return workers


def end_workers(workers):
    """Drains them; their CPU in seconds, from their first to their last instruction."""
    for worker in workers:
        os.kill(worker.pid, 15)
    for worker in workers:
        code = worker.wait(120)
        check(code == 0, "a worker ended with %d: %s", code, worker.said())
    return sum(worker.cpu() for worker in workers)


def kill(children):
    for child in children:
        child.end(9)


def apply(db, doc):
    path = definitions.write(db.server.dir, doc)
    finish("apply", [db.server.wfctl, "apply", path, "--db", db.conninfo],
           db.server.file("apply.log"), 120)
    return "%s/%s" % (definitions.NAMESPACE, doc["document"]["name"])


ONE_BY_ONE = "select count(stepwell.start('{workflow}', {input}, {key})) " \
             "from generate_series({first}, {last}) i"
AT_ONCE = "select count(*) from stepwell.start_batch('{workflow}', " \
          "array(select {input} from generate_series({first}, {last}) i), " \
          "array(select {key} from generate_series({first}, {last}) i))"


def batch_function(db):
    return "start_batch" if db.has_function("start_batch") else "start"


def batch_statement(db, workflow, first, last, key, value="json_build_object('n', i)"):
    """One statement that starts runs first..last."""
    form = AT_ONCE if batch_function(db) == "start_batch" else ONE_BY_ONE
    return form.format(workflow=workflow, first=first, last=last, key=key, input=value)


class Starter(Child):
    """pgbench, each of whose transactions starts a batch of runs with keys MARK-CLIENT-NUMBER."""

    def __init__(self, db, workflow, runs, batch, clients=1, mark="key", statement=None):
        each = runs // clients
        batch = min(batch, each)
        check(each * clients == runs and each % batch == 0,
              "%d runs are not whole batches of %d by %d clients", runs, batch, clients)
        number = Child.count_next()
        script = db.server.file("start.%d.sql" % number)
        sql = statement or batch_statement(db, workflow, ":first::int", ":n::int",
                                           "concat(:mark::text, '-', :client_id::text, '-', i)")
        with open(script, "w") as out:
            out.write("\\set first :n + 1\n\\set n :n + %d\n%s;\n" % (batch, sql))
        super().__init__("pgbench", [
            db.server.bin + "/pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1",
            "-t", str(each // batch), "-D", "n=0", "-D", "mark=" + mark, "-f", script, db.conninfo],
            db.server.file("pgbench.%d.log" % number))

    def finish(self, timeout=1200):
        """Transactions per second, without the time to connect."""
        code = self.wait(timeout)
        said = machine.read(self.log)
        check(code == 0 and "ERROR" not in said, "pgbench: exit %d: %s", code, said[-2000:])
        return float(re.search(r"tps = ([\d.]+)", said).group(1))


def start_runs(db, workflow, runs, batch=500, mark="key"):
    """Starts per second."""
    batch = min(batch, runs)
    return batch * Starter(db, workflow, runs, batch, mark=mark).finish()


class Stub(Child):
    """The HTTP endpoint."""

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __init__(self, session, delay=0):
        number = Child.count_next()
        out = session.server.file("stub.%d.port" % number)
        with open(out, "w") as port:
            super().__init__("http_stub", [session.program("bench_http_stub"), "--delay", str(delay)],
                             session.server.file("stub.%d.log" % number), stdout=port)
        self.port = int(wait_for(lambda: machine.read(out).strip(), 30, "the stub listens", 0.01, [self]))
        self.url = "http://127.0.0.1:%d/step" % self.port

    def get(self, path):
        with self.opener.open("http://127.0.0.1:%d/%s" % (self.port, path), timeout=30) as answer:
            return json.load(answer)

    def stats(self):
        return self.get("stats")

    def release(self):
        """Nothing is held from now on."""
        self.get("release")
