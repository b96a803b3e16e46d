/* The parser of options: one table a command, no state. */
#include "options.h"

#include "base/buf.h"
#include "command.h"
#include "definition/duration.h"
#include "json/names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN 29 /* of the explanations in help */

/* ---- Values ---- */

static bool parse_count(const char *text, int64_t *ret)
{
	char *end;
	if (!strchr("0123456789", *text))
		return false;
	long long v = strtoll(text, &end, 10);
	*ret = v;
	return !*end && v <= INT32_MAX;
}

static bool parse_size(const char *text, int64_t *ret)
{
	static const struct {
		const char *name;
		int64_t bytes;
	} units[] = {
		{"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
	char *end;
	if (!strchr("0123456789", *text))
		return false;
	long long v = strtoll(text, &end, 10);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(end, units[i].name) == 0 && v < 1 << 20) {
			*ret = v * units[i].bytes;
			return true;
		}
		if (strcmp(end, units[i].name) == 0 && units[i].bytes == 1) {
			*ret = v;
			return v < INT64_C(1) << 40;
		}
	}
	return false;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t n = strlen(text);
	for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (strcspn(p, "|") == n && n > 0 && strncmp(p, text, n) == 0)
			return true;
	return false;
}

static bool check_value(struct option_value *v, struct error *err)
{
	const char *text = v->text, *name = v->option->name;
	switch (v->option->kind) {
	case OPTION_FLAG: return true;
	case OPTION_TEXT:
	case OPTION_LIST:
		return *text ||
		       error_set(err, ERROR_INPUT, "--%s must not be empty", name);
	case OPTION_COUNT:
		return parse_count(text, &v->number) ||
		       error_set(err, ERROR_INPUT,
			       "--%s takes a whole number, not \"%s\"", name, text);
	case OPTION_DURATION:
		return duration_parse(text, &v->number) ||
		       error_set(err, ERROR_INPUT,
			       "--%s takes a duration of at most a century, such as "
			       "500ms, 2s, 5m, 1h, 7d or PT5S, not "
			       "\"%s\"",
			       name, text);
	case OPTION_SIZE:
		return parse_size(text, &v->number) ||
		       error_set(err, ERROR_INPUT,
			       "--%s takes a size such as 64KiB or 1MiB, not \"%s\"",
			       name, text);
	case OPTION_TIME:
		return clock_parse(text, &v->number) ||
		       error_set(err, ERROR_INPUT,
			       "--%s takes a time such as 2027-01-31T08:00:00Z, not "
			       "\"%s\"",
			       name, text);
	case OPTION_CHOICE:
		return is_choice(v->option->value, text) ||
		       error_set(err, ERROR_INPUT, "--%s takes one of %s, not \"%s\"",
			       name, v->option->value, text);
	}
	return false;
}

/* ---- Names ---- */

static const struct option *find_long(
	const struct option *table, const char *name, size_t n)
{
	for (const struct option *o = table; o->name; o++)
		if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
			return o;
	return NULL;
}

static const struct option *find_letter(const struct option *table, char letter)
{
	for (const struct option *o = table; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static bool refuse_unknown(
	const struct command *command, const char *word, struct error *err)
{
	const char *best = NULL;
	unsigned distance = 3;
	char *name = xstrndup(word + 2, strcspn(word + 2, "="));
	for (const struct option *o = command->options; word[1] == '-' && o->name; o++) {
		unsigned d = word_distance(name, o->name);
		if (d < distance) {
			distance = d;
			best = o->name;
		}
	}
	free(name);
	if (best)
		return error_set(err, ERROR_INPUT,
			"%s has no option %.*s; did you mean --%s?", command->name,
			(int)strcspn(word, "="), word, best);
	return error_set(err, ERROR_INPUT, "%s has no option %.*s; see: wfctl help %s",
		command->name, (int)strcspn(word, "="), word, command->name);
}

/* ---- Words ---- */

struct reader {
	int argc, at; /* at: the next word */
	char *const *argv;
};

/* Finds the option of a word that begins with a hyphen; *ret_value is what is attached to
 * it, or NULL. */
static const struct option *read_name(
	const struct option *table, const char *word, const char **ret_value)
{
	if (word[1] == '-') {
		size_t n = strcspn(word + 2, "=");
		*ret_value = word[2 + n] ? word + 3 + n : NULL;
		return find_long(table, word + 2, n);
	}
	*ret_value = word[2] ? word + 2 : NULL;
	return find_letter(table, word[1]);
}

static void store(struct options *o, struct option_value v)
{
	for (size_t i = 0; i < o->value_count; i++) {
		if (o->values[i].option == v.option && v.option->kind != OPTION_LIST) {
			o->values[i] = v;
			return;
		}
	}
	o->values = xrealloc(o->values, (o->value_count + 1) * sizeof *o->values);
	o->values[o->value_count++] = v;
}

static bool read_option(struct options *o, struct reader *in, struct error *err)
{
	const char *word = in->argv[in->at++];
	struct option_value v = {0};
	v.option = read_name(o->command->options, word, &v.text);
	if (!v.option)
		return refuse_unknown(o->command, word, err);
	if (v.option->kind == OPTION_FLAG && v.text)
		return error_set(err, ERROR_INPUT, "--%s takes no value", v.option->name);
	if (v.option->kind != OPTION_FLAG && !v.text) {
		if (in->at == in->argc)
			return error_set(err, ERROR_INPUT, "--%s needs a value: %s",
				v.option->name, v.option->value);
		v.text = in->argv[in->at++];
	}
	if (!check_value(&v, err))
		return false;
	store(o, v);
	return true;
}

static bool check_count(const struct options *o, struct error *err)
{
	const struct command *c = o->command;
	if (options_given(o, "help"))
		return true;
	if (o->argument_count < c->least)
		return error_set(err, ERROR_INPUT, "%s needs an argument: %s", c->name,
			c->arguments);
	if (c->most >= 0 && o->argument_count > c->most)
		return error_set(err, ERROR_INPUT,
			"%s takes no argument \"%s\"; see: wfctl help %s", c->name,
			o->arguments[c->most], c->name);
	return true;
}

bool options_parse(const struct command *command, int argc, char *const argv[],
	struct options *ret, struct error *err)
{
	struct options o = {.command = command};
	struct reader in = {.argc = argc, .argv = argv};
	bool ended = false;
	o.arguments = xcalloc((size_t)argc + 1, sizeof *o.arguments);
	while (in.at < argc) {
		const char *word = argv[in.at];
		if (!ended && strcmp(word, "--") == 0) {
			ended = true;
			in.at++;
		} else if (!ended && word[0] == '-' && word[1]) {
			if (!read_option(&o, &in, err))
				goto fail;
		} else {
			o.arguments[o.argument_count++] = word;
			in.at++;
		}
	}
	if (!check_count(&o, err))
		goto fail;
	*ret = o;
	return true;
fail:
	options_finish(&o);
	return false;
}

void options_finish(struct options *o)
{
	free(o->values);
	free(o->arguments);
	*o = (struct options){0};
}

/* ---- Questions ---- */

static const struct option_value *find_value(const struct options *o, const char *name)
{
	assert(find_long(o->command->options, name, strlen(name)));
	for (size_t i = 0; i < o->value_count; i++)
		if (strcmp(o->values[i].option->name, name) == 0)
			return &o->values[i];
	return NULL;
}

bool options_given(const struct options *o, const char *name)
{
	return find_value(o, name);
}

bool options_has(const struct options *o, const char *name)
{
	return find_long(o->command->options, name, strlen(name)) != NULL;
}

const char *options_text(const struct options *o, const char *name)
{
	const struct option_value *v = find_value(o, name);
	return v ? v->text : NULL;
}

int64_t options_number(const struct options *o, const char *name, int64_t fallback)
{
	const struct option_value *v = find_value(o, name);
	return v ? v->number : fallback;
}

char **options_list(const struct options *o, const char *name)
{
	char **list = xcalloc(o->value_count + 1, sizeof *list);
	size_t n = 0;
	for (size_t i = 0; i < o->value_count; i++)
		if (strcmp(o->values[i].option->name, name) == 0)
			list[n++] = (char *)o->values[i].text;
	return list;
}

void options_describe(const struct option *table, struct buf *out)
{
	for (const struct option *o = table; o->name; o++) {
		char *left = xasprintf("--%s%s%s", o->name, o->value ? " " : "",
			o->value ? o->value : "");
		if (o->letter)
			buf_printf(out, "  -%c, ", o->letter);
		else
			buf_puts(out, "      ");
		/* A long one has a line to itself. */
		if (strlen(left) > COLUMN)
			buf_printf(out, "%s\n%*s %s\n", left, COLUMN + 6, "", o->help);
		else
			buf_printf(out, "%-*s %s\n", COLUMN, left, o->help);
		free(left);
	}
}
