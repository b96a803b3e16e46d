"""(d) starts a second: each in its own transaction by one client and by eight, and batched."""
import definitions
import pool
from processes import check
from spent import first_id

ONE = "select stepwell.start('{workflow}', json_build_object('n', :n::int), " \
      "concat(:mark::text, '-', :client_id::text, '-', :n::int))"


def measure(session, how, starts, clients, batch):
    rates = []
    for _ in range(session.repeats):
        with session.server.database() as db:
            workflow = pool.apply(db, definitions.sets("life", 10, True))
            with db.session() as psql:
                since = first_id(psql)
            statement = ONE.format(workflow=workflow) if batch == 1 else None
            rates.append(batch * pool.Starter(db, workflow, starts, batch, clients,
                                              statement=statement).finish())
            with db.session() as psql:
                made = [psql.count("select count(*) from %s >= '%s'" % (what, since)) for what in (
                    "stepwell.run where id", "stepwell.lease where run_id",
                    "stepwell.start_key where run_id", "stepwell.entry where kind = 'created' and run_id")]
            check(made == [starts] * 4, "runs, leases, keys and first entries: %s, not %d", made, starts)
            by = pool.batch_function(db) if batch > 1 else "start"
    session.report.figure("starts", "starts_per_second", rates, "1/s", how=how, clients=clients,
                          starts=starts, batch=batch, starts_by=by)


def starts(session):
    size = session.size("starts")
    measure(session, "one by one", size["single"], 1, 1)
    measure(session, "one by one", size["clients"], 8, 1)
    measure(session, "batched", size["batched"], 1, min(size["batch"], size["batched"]))
