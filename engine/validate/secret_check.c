/*
 * Where $secrets may stand: where its value goes out with a request and is kept nowhere.
 * The tables of the schema say which members these are (in->secrets). What is judged here
 * is read by the same code that will be evaluated, so no spelling is missed.
 */
#include "expression/expression.h"
#include "validate/inspection.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The expression that a value stands for, in a program of its own; NULL if it is none. */
static struct expression *read_expression(const struct inspection *in, struct json v,
	enum expression_form form, struct program **ret_program)
{
	struct program_options options = {.loose = in->loose};
	struct expression *e = NULL;
	*ret_program = program_create(&options);
	return program_add(*ret_program, v, form, &e, NULL) ? e : NULL;
}

static void report_place(struct inspection *in, struct json v, const struct spot *place)
{
	if (in->in_run)
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"in `run`, $secrets may stand in environment and stdin only: "
			"anybody on the host can read commands and arguments, and the "
			"input of a workflow is kept in the journal");
	else
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"$secrets may not stand here: the value would be kept in the "
			"journal, or shown. It may stand in what calls of http, openapi "
			"and sql send, in their input.from, in authentication, and in "
			"environment and stdin of processes");
}

static void check_names(struct inspection *in, const struct words *names, struct json v,
	const struct spot *place)
{
	for (size_t i = 0; i < names->n && !in->alone; i++) {
		char guess[GUESS_SIZE];
		struct buf quoted = {0};
		json_put_text(&quoted, names->items[i]);
		struct json name = {buf_text(&quoted), quoted.len};
		if (!names_find(&in->catalogs[USE_SECRETS], name)) {
			guess_name(in, &in->catalogs[USE_SECRETS], name, guess);
			inspection_report(in, FINDING_UNSUPPORTED, place, v,
				"no entry %.200s in use.secrets%s", name.s, guess);
		}
		buf_finish(&quoted);
	}
}

void secret_check(
	struct inspection *in, struct json v, const struct spot *place, bool implicit)
{
	struct program *program;
	struct words names = {0};
	struct expression *e = read_expression(
		in, v, implicit ? EXPRESSION_BARE : EXPRESSION_VALUE, &program);
	if (!e || !expression_mentions(e, "secrets")) {
		/* a text, or the name of something else */
	} else if (!in->secrets) {
		report_place(in, v, place);
	} else if (!expression_secrets(e, &names)) {
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"which secret this uses must be written out: $secrets.NAME or "
			"$secrets[\"NAME\"]");
	} else {
		check_names(in, &names, v, place);
	}
	words_finish(&names);
	program_destroy(program);
}

static bool mentions(const struct inspection *in, struct json v, const char *name)
{
	struct program *program;
	if (!v.s || (!memmem(v.s, v.n, name, strlen(name)) && !memchr(v.s, '\\', v.n)))
		return false;
	struct expression *e = read_expression(in, v, EXPRESSION_BARE, &program);
	bool found = e && expression_mentions(e, name);
	program_destroy(program);
	return found;
}

/* A value that is kept: it must not see an input in which a secret is. */
static void check_output(struct inspection *in, struct json task, const char *key,
	const struct spot *place)
{
	struct json v = json_get(json_get(task, key), "as");
	if (!mentions(in, v, "input"))
		return;
	struct buf quoted = {0};
	json_put_text(&quoted, key);
	struct spot up = {.up = place, .key = {quoted.data, quoted.len}};
	struct spot at = {.up = &up, .key = JSON_LITERAL("\"as\"")};
	inspection_report(in, FINDING_UNSUPPORTED, &at, v,
		"$input may not stand here, because input.from of this task uses a "
		"secret: use $task.input, which is the input before it");
	buf_finish(&quoted);
}

/* The method stands in error texts. */
static void check_method(
	struct inspection *in, struct json method, const struct spot *place)
{
	struct spot up = {.up = place, .key = JSON_LITERAL("\"with\"")};
	struct spot at = {.up = &up, .key = JSON_LITERAL("\"method\"")};
	char *text = json_strdup(method);
	for (const char *p = text; p && *p; p++) {
		if (isalpha((unsigned char)*p) || *p == '-')
			continue;
		inspection_report(in, FINDING_UNSUPPORTED, &at, method,
			"the method must be written out, because it is shown, and "
			"input.from of this task uses a secret");
		break;
	}
	free(text);
}

void secret_check_task(struct inspection *in, struct json task, const struct spot *place)
{
	if (in->catalogs[USE_SECRETS].count == 0 && !in->alone)
		return; /* the use of one is reported where it stands */
	if (!mentions(in, json_get(json_get(task, "input"), "from"), "secrets"))
		return;
	check_output(in, task, "output", place);
	check_output(in, task, "export", place);
	check_method(in, json_get(json_get(task, "with"), "method"), place);
}
