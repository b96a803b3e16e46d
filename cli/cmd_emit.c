/* wfctl emit FILE|-: stores events for those who listen. */
#include "admin/runs.h"
#include "command.h"
#include "database.h"
#include "json_argument.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

struct tally {
	struct db_client *client;
	int64_t stored, duplicates;
};

static bool emit_one(struct tally *t, struct json event, struct error *err)
{
	bool new;
	char *text = xstrndup(event.s, event.n);
	bool ok = admin_emit(t->client, text, &new, err);
	free(text);
	if (ok)
		*(new ? &t->stored : &t->duplicates) += 1;
	return ok || error_prefix(err, "event %lld",
			     (long long)(t->stored + t->duplicates + 1));
}

static bool emit_value(struct tally *t, struct json value, struct error *err)
{
	struct json_iter it = json_iter(value);
	struct json event;
	if (json_type(value) != JSON_ARRAY)
		return emit_one(t, value, err);
	while (json_next_element(&it, &event)) {
		if (!emit_one(t, event, err))
			return false;
	}
	return true;
}

/* One value, or one on each line. */
static bool emit_text(struct tally *t, const char *text, size_t n, struct error *err)
{
	struct json value;
	unsigned line = 1;
	const char *end = text + n, *newline;
	if (json_check(text, n, NULL, &value, NULL, err))
		return emit_value(t, value, err);
	newline = memchr(text, '\n', n);
	if (!newline ||
		!json_check(text, (size_t)(newline - text), NULL, &value, NULL, NULL))
		return false;
	for (const char *p = text; p < end; p = newline + 1, line++) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline)
			newline = end;
		if (strspn(p, " \t\r") >= (size_t)(newline - p))
			continue;
		if (!json_check(p, (size_t)(newline - p), NULL, &value, NULL, err))
			return error_prefix(err, "line %u of the file", line);
		if (!emit_value(t, value, err))
			return false;
	}
	return true;
}

static void print(const struct tally *t, enum output form)
{
	if (form == OUTPUT_TEXT) {
		output_print("%lld stored, %lld duplicate%s\n", (long long)t->stored,
			(long long)t->duplicates, t->duplicates == 1 ? "" : "s");
		return;
	}
	cJSON *object = cJSON_CreateObject();
	cJSON_AddNumberToObject(object, "stored", (double)t->stored);
	cJSON_AddNumberToObject(object, "duplicates", (double)t->duplicates);
	output_object(object);
}

/* All of them, or none. */
static int emit(struct database *d, const struct options *o, const char *text, size_t n)
{
	struct tally t = {.client = d->client};
	struct error err = {0};
	if (!admin_begin(d->client, &err))
		return command_fail(&err);
	if (!emit_text(&t, text, n, &err)) {
		admin_rollback(d->client);
		return command_fail(&err);
	}
	if (!admin_commit(d->client, &err))
		return command_fail(&err);
	admin_notify(d->client);
	print(&t, output_form(o));
	return EXIT_DONE;
}

static void put(struct buf *out, const char *name, const char *text)
{
	if (!text)
		return;
	json_put_key(out, name);
	json_put_text(out, text);
}

/* The event of --type, --data and their like; what was not given is drawn. */
static bool make_event(
	const struct options *o, char **ret, size_t *ret_n, struct error *err)
{
	struct buf b = {0};
	char id[UUID_TEXT], *data = NULL;
	const char *given = options_text(o, "data"), *source = options_text(o, "source");
	if (given && !json_argument_read(given, "--data", &data, err))
		return false;
	uuid_format(uuid_v4(), id);
	buf_putc(&b, '{');
	put(&b, "specversion", "1.0");
	put(&b, "id", options_text(o, "id") ? options_text(o, "id") : id);
	put(&b, "source", source ? source : "urn:wfctl");
	put(&b, "type", options_text(o, "type"));
	put(&b, "subject", options_text(o, "subject"));
	if (data) {
		json_put_key(&b, "data");
		buf_puts(&b, data);
	}
	buf_putc(&b, '}');
	free(data);
	*ret_n = b.len;
	*ret = buf_take(&b);
	return true;
}

static int run(const struct options *o)
{
	struct database d;
	struct error err = {0};
	char *text = NULL;
	size_t n;
	bool made = options_given(o, "type");
	if (made == (o->argument_count == 1))
		return command_misuse(o, "give a FILE (- is standard input), or --type");
	if (!made && (*o->arguments[0] == '{' || *o->arguments[0] == '['))
		return command_misuse(o,
			"an event is read from a FILE, or with - from standard input; "
			"given here it is --type TYPE --data JSON");
	if (!made && (options_given(o, "data") || options_given(o, "id") ||
			     options_given(o, "source") || options_given(o, "subject")))
		return command_misuse(
			o, "--data, --id, --source and --subject go with --type");
	if (!(made ? make_event(o, &text, &n, &err)
		   : json_file_read(o->arguments[0], NULL, &text, &n, &err))) {
		free(text);
		return command_fail(&err);
	}
	int code = database_open(o, DATABASE_READY, &d);
	if (code == EXIT_DONE) {
		code = emit(&d, o, text, n);
		database_close(&d);
	}
	free(text);
	return code;
}

static const struct option options[] = {
	{"type", 0, OPTION_TEXT, "TYPE", "an event of this type, instead of a FILE"},
	{"data", 0, OPTION_TEXT, "JSON|@FILE|-", "its data"},
	{"source", 0, OPTION_TEXT, "URI", "its source (default urn:wfctl)"},
	{"id", 0, OPTION_TEXT, "ID", "its id (default: drawn)"},
	{"subject", 0, OPTION_TEXT, "TEXT", "its subject"},
	OPTION_ROW_DB,
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_emit = {
	.name = "emit",
	.arguments = "[FILE|-]",
	.summary = "store events for the runs that listen",
	.help = "FILE holds a CloudEvent 1.0, an array of them, or one on each line, in "
		"JSON\n"
		"or (.yaml, .yml) YAML. id, source and type are needed. All of them are\n"
		"stored or none; an event whose source and id are known already is a\n"
		"duplicate and changes nothing. Events are kept for 7 days for those "
		"who\n"
		"listen later.\n",
	.options = options,
	.most = 1,
	.run = run,
};
