/*
 * The reference of the benchmark: whole lives of runs as bare rows, in batches, over a
 *few connections with one transaction in flight on each. The rows are those of a run that
 *the engine has finished (the sample), in tables of the same shape in the schema raw.
 *Each entry of the sample is a transaction of its own; the first writes key, run and
 *lease with it, `claimed` moves the lease, the last ends the run.
 *
 *	bench_raw --db CONNINFO --sample FILE --runs N [--batch N] [--connections N]
 *		[--steps N] [--cpu USEC] [--mark TEXT]
 *
 * The sample is one value a line: input, output, and kind, path, attempt and data of each
 * entry (path and attempt may be empty). --cpu: this process uses that much CPU per step,
 * its own work included, as an engine would. Prints one JSON object.
 */
#include "array.h"
#include "base/buf.h"
#include "base/uuid.h"
#include "raw_queries.h"

#include <getopt.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECTIONS_MAX 16

struct row {
	char *kind, *path, *data;
	int attempt; /* 0: none */
};

struct sample {
	char *input, *output;
	struct row *rows;
	size_t count;
};

enum statement {
	ADD_KEYS,
	ADD_RUNS,
	ADD_LEASES,
	CLAIM_LEASES,
	END_RUNS,
	APPEND_ENTRIES,
	STATEMENTS
};

static const char *const statements[STATEMENTS] = {
	[ADD_KEYS] = sql_add_keys,
	[ADD_RUNS] = sql_add_runs,
	[ADD_LEASES] = sql_add_leases,
	[CLAIM_LEASES] = sql_claim_leases,
	[END_RUNS] = sql_end_runs,
	[APPEND_ENTRIES] = sql_append_entries,
};
static const char *const names[STATEMENTS] = {"0", "1", "2", "3", "4", "5"};

/* What all statements of a flush draw from. */
struct columns {
	struct array id, key, seq, at, kind, path, attempt, data;
};

struct raw {
	const char *conninfo, *mark;
	struct sample sample;
	struct uuid definition, owner;
	char definition_text[UUID_TEXT], owner_text[UUID_TEXT];
	size_t runs, batch, connections, steps;
	double cpu; /* microseconds per step, 0: no more than it takes */
	struct columns columns;
	size_t begun, rows; /* runs, rows written so far */
	double cpu_began;
};

/* One connection with its batch of runs. */
struct lane {
	struct raw *raw;
	PGconn *conn;
	struct uuid *ids;
	size_t count, first; /* runs of the batch, number of the first */
	size_t stage;        /* entry of the sample that is in flight */
	bool busy;
};

static double seconds_of(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t now_usec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench_raw: %s: %s\n", what, why);
	exit(1);
}

/* ---- The sample ---- */

/* The next line, or NULL. Caller frees. */
static char *read_line(FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n = getline(&line, &size, file);
	if (n < 0) {
		free(line);
		return NULL;
	}
	if (n > 0 && line[n - 1] == '\n')
		line[n - 1] = '\0';
	return line;
}

static bool read_row(FILE *file, struct row *row)
{
	char *attempt;
	if (!(row->kind = read_line(file)))
		return false;
	row->path = read_line(file);
	attempt = read_line(file);
	row->data = read_line(file);
	if (!row->path || !attempt || !row->data)
		fail("sample", "four lines an entry");
	row->attempt = (int)strtol(attempt, NULL, 10);
	free(attempt);
	return true;
}

static void sample_read(struct sample *s, const char *path)
{
	FILE *file = fopen(path, "r");
	struct row row;
	if (!file)
		fail(path, "cannot be read");
	s->input = read_line(file);
	s->output = read_line(file);
	while (read_row(file, &row)) {
		s->rows = xrealloc(s->rows, (s->count + 1) * sizeof row);
		s->rows[s->count++] = row;
	}
	fclose(file);
	if (s->count < 2)
		fail(path, "a sample has input, output and at least two entries");
}

static void sample_finish(struct sample *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->rows[i].kind);
		free(s->rows[i].path);
		free(s->rows[i].data);
	}
	free(s->rows);
	free(s->input);
	free(s->output);
}

/* ---- Flushes ---- */

static void columns_init(struct columns *c)
{
	array_init(&c->id, ARRAY_UUID);
	array_init(&c->key, ARRAY_TEXT);
	array_init(&c->seq, ARRAY_INT8);
	array_init(&c->at, ARRAY_TIMESTAMPTZ);
	array_init(&c->kind, ARRAY_TEXT);
	array_init(&c->path, ARRAY_TEXT);
	array_init(&c->attempt, ARRAY_INT4);
	array_init(&c->data, ARRAY_TEXT);
}

static void columns_finish(struct columns *c)
{
	struct array *all[] = {&c->id, &c->key, &c->seq, &c->at, &c->kind, &c->path,
		&c->attempt, &c->data};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		array_finish(all[i]);
}

static void fill(struct columns *c, const struct lane *lane)
{
	const struct row *row = &lane->raw->sample.rows[lane->stage];
	int64_t at = now_usec();
	columns_finish(c);
	columns_init(c);
	for (size_t i = 0; i < lane->count; i++) {
		array_bytes(&c->id, lane->ids[i].b, sizeof lane->ids[i].b);
		array_int8(&c->seq, (int64_t)lane->stage + 1);
		array_time(&c->at, at);
		array_text(&c->kind, row->kind);
		array_text(&c->path, *row->path ? row->path : NULL);
		array_int4(&c->attempt, row->attempt);
		array_text(&c->data, row->data);
	}
}

static void fill_keys(struct columns *c, const struct lane *lane)
{
	for (size_t i = 0; i < lane->count; i++) {
		char key[64];
		snprintf(key, sizeof key, "%s-%zu", lane->raw->mark, lane->first + i);
		array_text(&c->key, key);
	}
}

/* A parameter is an array (binary) or a text. */
struct parameter {
	const struct array *array;
	const char *text;
};

static void send_statement(
	struct lane *lane, enum statement what, int count, const struct parameter *p)
{
	const char *values[8];
	int lengths[8], formats[8];
	for (int i = 0; i < count; i++) {
		values[i] = p[i].array ? p[i].array->data.data : p[i].text;
		lengths[i] = p[i].array ? (int)p[i].array->data.len : 0;
		formats[i] = p[i].array != NULL;
	}
	if (!PQsendQueryPrepared(
		    lane->conn, names[what], count, values, lengths, formats, 0))
		fail("sending", PQerrorMessage(lane->conn));
}

static void send_start(struct lane *lane)
{
	const struct raw *raw = lane->raw;
	const struct columns *c = &raw->columns;
	const struct parameter keys[] = {{&c->key}, {&c->id}};
	const struct parameter runs[] = {{&c->id}, {.text = raw->definition_text},
		{&c->key}, {.text = raw->sample.input}, {&c->at}};
	const struct parameter leases[] = {
		{&c->id}, {.text = raw->definition_text}, {&c->at}};
	send_statement(lane, ADD_KEYS, 2, keys);
	send_statement(lane, ADD_RUNS, 5, runs);
	send_statement(lane, ADD_LEASES, 3, leases);
}

static void send_claim(struct lane *lane)
{
	const struct columns *c = &lane->raw->columns;
	const struct parameter leases[] = {
		{&c->id}, {.text = lane->raw->owner_text}, {&c->at}};
	send_statement(lane, CLAIM_LEASES, 3, leases);
}

static void send_end(struct lane *lane)
{
	const struct columns *c = &lane->raw->columns;
	const struct parameter runs[] = {
		{&c->id}, {.text = lane->raw->sample.output}, {&c->at}, {&c->at}};
	send_statement(lane, END_RUNS, 4, runs);
}

static void send_stage(struct lane *lane)
{
	struct columns *c = &lane->raw->columns;
	const struct sample *s = &lane->raw->sample;
	const struct parameter entries[] = {{&c->id}, {&c->seq}, {&c->at}, {&c->kind},
		{&c->path}, {&c->attempt}, {&c->data}};
	fill(c, lane);
	if (lane->stage == 0) {
		fill_keys(c, lane);
		send_start(lane);
	} else if (strcmp(s->rows[lane->stage].kind, "claimed") == 0) {
		send_claim(lane);
	}
	if (lane->stage == s->count - 1)
		send_end(lane);
	send_statement(lane, APPEND_ENTRIES, 7, entries);
}

/* Uses CPU up to what an engine would have used for the rows so far. */
static void burn(const struct raw *raw)
{
	double steps = (double)raw->rows * (double)raw->steps / (double)raw->sample.count;
	double until = raw->cpu_began + steps * raw->cpu / 1e6;
	while (seconds_of(CLOCK_PROCESS_CPUTIME_ID) < until)
		;
}

static void next_batch(struct lane *lane)
{
	struct raw *raw = lane->raw;
	size_t left = raw->runs - raw->begun;
	lane->count = left < raw->batch ? left : raw->batch;
	lane->first = raw->begun;
	lane->stage = 0;
	raw->begun += lane->count;
	for (size_t i = 0; i < lane->count; i++)
		lane->ids[i] = uuid_v7(now_usec());
}

/* The next flush of this lane, if any is left. */
static void advance(struct lane *lane)
{
	if (lane->count && lane->stage < lane->raw->sample.count - 1)
		lane->stage++;
	else
		next_batch(lane);
	lane->busy = lane->count > 0;
	if (!lane->busy)
		return;
	lane->raw->rows += lane->count;
	burn(lane->raw);
	send_stage(lane);
	if (!PQpipelineSync(lane->conn))
		fail("sending", PQerrorMessage(lane->conn));
}

/* Whether the flush in flight is done. */
static bool receive(struct lane *lane)
{
	if (!PQconsumeInput(lane->conn))
		fail("receiving", PQerrorMessage(lane->conn));
	while (!PQisBusy(lane->conn)) {
		PGresult *result = PQgetResult(lane->conn);
		ExecStatusType status =
			PQresultStatus(result); /* NULL: between results */
		if (result && status != PGRES_COMMAND_OK && status != PGRES_PIPELINE_SYNC)
			fail("statement", PQresultErrorMessage(result));
		PQclear(result);
		if (status == PGRES_PIPELINE_SYNC)
			return true;
	}
	return false;
}

static void work(struct lane *lanes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		advance(&lanes[i]);
	for (;;) {
		struct pollfd fds[CONNECTIONS_MAX];
		size_t busy = 0;
		for (size_t i = 0; i < count; i++) {
			int unsent = lanes[i].busy ? PQflush(lanes[i].conn) : 0;
			fds[i].fd = lanes[i].busy ? PQsocket(lanes[i].conn) : -1;
			fds[i].events = (short)(POLLIN | (unsent ? POLLOUT : 0));
			fds[i].revents = 0;
			busy += lanes[i].busy;
		}
		if (!busy)
			return;
		if (poll(fds, count, -1) < 0)
			continue;
		for (size_t i = 0; i < count; i++) {
			if ((fds[i].revents & ~POLLOUT) && receive(&lanes[i]))
				advance(&lanes[i]);
		}
	}
}

/* ---- The whole ---- */

static void lane_open(struct lane *lane, struct raw *raw)
{
	*lane = (struct lane){.raw = raw, .ids = xcalloc(raw->batch, sizeof *lane->ids)};
	lane->conn = PQconnectdb(raw->conninfo);
	if (PQstatus(lane->conn) != CONNECTION_OK)
		fail("connecting", PQerrorMessage(lane->conn));
	for (int i = 0; i < STATEMENTS; i++) {
		PGresult *result =
			PQprepare(lane->conn, names[i], statements[i], 0, NULL);
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			fail("preparing", PQresultErrorMessage(result));
		PQclear(result);
	}
	if (PQsetnonblocking(lane->conn, 1) != 0 || !PQenterPipelineMode(lane->conn))
		fail("pipeline mode", PQerrorMessage(lane->conn));
}

static void run(struct raw *raw)
{
	struct lane lanes[CONNECTIONS_MAX];
	for (size_t i = 0; i < raw->connections; i++)
		lane_open(&lanes[i], raw);
	columns_init(&raw->columns);
	raw->cpu_began = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	double began = seconds_of(CLOCK_MONOTONIC);
	work(lanes, raw->connections);
	printf("{\"runs\": %zu, \"rows\": %zu, \"seconds\": %.6f, \"cpu_seconds\": "
	       "%.6f}\n",
		raw->begun, raw->rows, seconds_of(CLOCK_MONOTONIC) - began,
		seconds_of(CLOCK_PROCESS_CPUTIME_ID) - raw->cpu_began);
	columns_finish(&raw->columns);
	for (size_t i = 0; i < raw->connections; i++) {
		PQfinish(lanes[i].conn);
		free(lanes[i].ids);
	}
}

static size_t number(const char *text, size_t most)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	if (*end || n < 1 || n > most)
		fail(text, "not a number, or out of range");
	return (size_t)n;
}

static void read_options(struct raw *raw, int argc, char **argv)
{
	static const struct option options[] = {
		{"db", required_argument, NULL, 'd'},
		{"sample", required_argument, NULL, 's'},
		{"runs", required_argument, NULL, 'r'},
		{"batch", required_argument, NULL, 'b'},
		{"connections", required_argument, NULL, 'c'},
		{"steps", required_argument, NULL, 'n'},
		{"cpu", required_argument, NULL, 'u'},
		{"mark", required_argument, NULL, 'm'},
		{0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'd': raw->conninfo = optarg; break;
		case 's': sample_read(&raw->sample, optarg); break;
		case 'r': raw->runs = number(optarg, SIZE_MAX); break;
		case 'b': raw->batch = number(optarg, 100000); break;
		case 'c': raw->connections = number(optarg, CONNECTIONS_MAX); break;
		case 'n': raw->steps = number(optarg, 1000000); break;
		case 'u': raw->cpu = strtod(optarg, NULL); break;
		case 'm': raw->mark = optarg; break;
		default: exit(2);
		}
	}
	if (!raw->conninfo || !raw->runs || !raw->sample.count)
		fail("usage", "--db CONNINFO --sample FILE --runs N are needed");
}

int main(int argc, char **argv)
{
	struct raw raw = {.mark = "raw", .batch = 500, .connections = 2, .steps = 10};
	read_options(&raw, argc, argv);
	raw.definition = uuid_v4();
	raw.owner = uuid_v4();
	uuid_format(raw.definition, raw.definition_text);
	uuid_format(raw.owner, raw.owner_text);
	run(&raw);
	sample_finish(&raw.sample);
	return 0;
}
