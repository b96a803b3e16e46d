"""What must be in the tables after runs have ended. A figure is printed only after its check."""
from processes import check

# Completed steps in an entry: a run's own completion has the path "".
STEPS = "(length(data) - length(replace(data, '\"op\":\"completed\",\"path\":\"/', '')))" \
        " / length('\"op\":\"completed\",\"path\":\"/')"


def verify_runs(session, since, runs, steps, mark=None, own_rows=None):
    """All `runs` since the id `since` have completed, with `steps` completed steps each, no gap in
    any journal, and one run a key. own_rows: at least so many of each run's entries hold a step.
    Returns the number of rows in the journal."""
    rows = session.rows("select status, count(*), count(ended_at) from stepwell.run "
                        "where id >= '%s' group by 1" % since)
    check(rows == [["completed", str(runs), str(runs)]], "%d runs should have completed: %s", runs, rows)
    wrong = session.rows(
        "select run_id, sum({0}), count(*), max(seq) from stepwell.entry where run_id >= '{1}' "
        "group by 1 having sum({0}) <> {2} or count(*) <> max(seq) limit 1".format(STEPS, since, steps))
    check(not wrong, "run, steps, entries, last seq: %s; %d steps were expected", wrong, steps)
    total, journals, with_step = map(int, session.rows(
        "select count(*), count(distinct run_id), count(*) filter (where %s > 0) from stepwell.entry "
        "where run_id >= '%s'" % (STEPS, since))[0])
    check(journals == runs, "%d runs have a journal of %d", journals, runs)
    if own_rows is not None:
        check(with_step >= own_rows * runs, "%d entries hold a step, less than %d", with_step,
              own_rows * runs)
    if mark is not None:
        keys, keyed = map(int, session.rows(
            "select count(*), count(distinct run_id) from stepwell.start_key "
            "where key like '%s-%%' and run_id >= '%s'" % (mark, since))[0])
        check(keys == runs and keyed == runs, "%d keys of %d runs, not %d", keys, keyed, runs)
    check(session.count("select count(*) from stepwell.lease where run_id >= '%s'" % since) == 0,
          "leases are left")
    return total
