"""The reference: the rows of a finished run, again and again, by bench/raw.c."""
import json

from processes import Child, check

# Tables as the migrations make them, with their primary keys and nothing else.
TABLES = """
create schema raw;
create table raw.start_key (like stepwell.start_key, primary key (namespace, name, key));
create table raw.lease (like stepwell.lease including defaults including storage,
	primary key (run_id));
create table raw.run (like stepwell.run including defaults, primary key (id))
	partition by range (id);
create table raw.entry (like stepwell.entry including defaults, primary key (run_id, seq))
	partition by range (run_id);
do $$
declare part record;
begin
	execute (select format('alter table raw.lease set (%s)', array_to_string(reloptions, ','))
		from pg_class where oid = 'stepwell.lease'::regclass and reloptions is not null);
	for part in select c.relname, p.relname as parent, pg_get_expr(c.relpartbound, c.oid) as bound
		from pg_inherits i join pg_class c on c.oid = inhrelid join pg_class p on p.oid = inhparent
		where p.oid in ('stepwell.run'::regclass, 'stepwell.entry'::regclass) loop
		execute format('create table raw.%I partition of raw.%I %s', part.relname, part.parent,
			part.bound);
	end loop;
end
$$
"""


def write_sample(db, path):
    """The rows of a run that has completed, as bench_raw reads them."""
    with db.session() as session:
        run, given, output = session.rows(
            "select id, input, output from stepwell.run where status = 'completed' limit 1")[0]
        rows = session.rows("select kind, path, coalesce(attempt, 0), data from stepwell.entry "
                            "where run_id = '%s' order by seq" % run)
    with open(path, "w") as out:
        out.write("\n".join([given, output, *(value for row in rows for value in row)]) + "\n")
    return len(rows)


def insert_lives(session, sample, rows, runs, steps, processes=1, cpu=None):
    """Whole lives a second of `runs` runs; cpu: microseconds a step that the writers use."""
    with session.server.database() as db:
        with db.session() as psql:
            psql.rows(TABLES)
        children, each = [], runs // processes
        for i in range(processes):
            number = Child.count_next()
            child = Child("bench_raw", [
                session.program("bench_raw"), "--db", db.conninfo, "--sample", sample, "--runs",
                str(each), "--steps", str(steps), "--mark", "raw%d" % i,
                *(["--cpu", "%.3f" % cpu] if cpu else [])],
                session.server.file("raw.%d.log" % number))
            children.append(child)
        for child in children:
            check(child.wait(1200) == 0, "bench_raw: %s", child.said())
        said = [json.loads(child.said()) for child in children]
        written = db.count("select count(*) from raw.entry")
        check(written == rows * each * processes, "the reference wrote %d rows, not %d", written,
              rows * each * processes)
        return (sum(s["runs"] for s in said) / max(s["seconds"] for s in said),
                sum(s["cpu_seconds"] for s in said))
