"""Finished runs by the million, as the tables hold them after months: copies of the rows of a run
that the engine has finished, with ids, keys and times of their own, spread over the past weeks."""
import machine
from processes import Child, check

WEEKS = 8
CHUNK = 50000
SPARE = 12 * 2**30  # of the disk: WAL, sorting, and not to fill it

# Partitions of past weeks, as stepwell.make_partitions makes them.
PARTITIONS = """
do $$
declare
	week timestamptz := date_trunc('week', clock_timestamp(), 'UTC') - interval '{skipped} weeks';
	suffix text;
	parent text;
begin
	for i in 1..{weeks} loop
		week := week - interval '7 days';
		suffix := to_char(week at time zone 'UTC', 'IYYY"w"IW');
		foreach parent in array array['run', 'entry'] loop
			execute format('create table if not exists stepwell.%I (like stepwell.%I including all)',
				parent || '_' || suffix, parent);
			if not exists (select from pg_inherits where inhrelid =
					format('stepwell.%I', parent || '_' || suffix)::regclass) then
				execute format('alter table stepwell.%I attach partition stepwell.%I'
					' for values from (%L) to (%L)', parent, parent || '_' || suffix,
					stepwell.first_id(week), stepwell.first_id(week + interval '7 days'));
			end if;
		end loop;
	end loop;
end
$$
"""

# Runs number first..last of all `total`: evenly over the weeks before the skipped ones, so their
# ids ascend.
CHUNK_SQL = """
create temp table chunk on commit drop as
select i, at, (encode(substring(int8send((extract(epoch from at) * 1000)::bigint) from 3), 'hex')
	|| '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid as id
from (select i, date_trunc('week', clock_timestamp(), 'UTC') - interval '{begin} weeks'
	+ (i - 0.5) / {total} * interval '{weeks} weeks' as at, md5('{mark}' || i) as hash
	from generate_series({first}, {last}) i) t;
insert into stepwell.run (id, definition_id, key, input, output, status, created_at, started_at,
	ended_at)
select c.id, s.definition_id, '{mark}-' || c.i, s.input, s.output, s.status, c.at,
	c.at + (s.started_at - s.created_at), c.at + (s.ended_at - s.created_at)
from chunk c, stepwell.run s where s.id = '{sample}' order by c.id;
insert into stepwell.start_key (namespace, name, key, run_id)
select k.namespace, k.name, '{mark}-' || c.i, c.id
from chunk c, stepwell.start_key k where k.run_id = '{sample}' order by c.i;
insert into stepwell.entry (run_id, seq, at, kind, path, attempt, data)
select c.id, e.seq, c.at + (e.at - s.created_at), e.kind, e.path, e.attempt, e.data
from chunk c, stepwell.run s, stepwell.entry e
where s.id = '{sample}' and e.run_id = s.id order by c.id, e.seq
"""


def size_of_run(session, sample):
    """Bytes on disk that a finished run takes, about, with its part of the indexes."""
    rows, text = session.rows("select count(*), sum(pg_column_size(e.*)) from stepwell.entry e "
                              "where run_id = '%s'" % sample)[0]
    return int(text) + 60 * int(rows) + 600


def fitting(session, folder, wanted, there, sample):
    """As many finished runs as the disk has room for."""
    each = size_of_run(session, sample)
    room = int((machine.free_disk(folder) - SPARE) / each) + there
    return wanted if wanted <= room else max(there, room // 1000 * 1000)


def fill(db, count, mark, sample, skipped, writers=2):
    """`count` more finished runs, in the weeks before the last `skipped` ones."""
    with db.session() as session:
        session.rows(PARTITIONS.format(weeks=WEEKS, skipped=skipped))
    chunks = [(first, min(first + CHUNK - 1, count)) for first in range(1, count + 1, CHUNK)]
    children = []
    for i in range(writers):
        number = Child.count_next()
        script = db.server.file("fill.%d.sql" % number)
        with open(script, "w") as out:
            for first, last in chunks[i::writers]:
                out.write("begin;%s;\ncommit;\n" % CHUNK_SQL.format(
                    weeks=WEEKS, begin=skipped + WEEKS, total=count, mark=mark, first=first, last=last, sample=sample))
        children.append(Child("psql", [db.server.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-f",
                                       script, db.conninfo], db.server.file("fill.%d.log" % number)))
    for child in children:
        check(child.wait(4 * 3600) == 0, "filling: %s", child.said())
    with db.session() as session:
        session.rows("set maintenance_work_mem = '1GB'")
        session.rows("vacuum analyze stepwell.run, stepwell.entry, stepwell.start_key")
        session.rows("checkpoint")
