/* jq source as far as it is read without libjq: where it ends, what it mentions, whether
 * it is refused, and what plain ones give. */
#include "fuzz.h"

#include "expression/path.h"
#include "jq/scan.h"

#include <stdlib.h>
#include <string.h>

static bool lookup(void *ctx, const char *name, struct json *ret)
{
	const struct json *dot = ctx;
	*ret = *dot;
	return *name != 'z';
}

/* Source with NUL, as jqscan wants it; caller frees. */
static char *copy_source(const char *s, size_t n)
{
	char *copy = xmalloc(n + 1);
	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

static void check_plain(const char *s, size_t n, struct json dot)
{
	struct scope scope = {dot, 1700000000000000, lookup, &dot};
	struct jqscan scan = {0};
	struct path plain = {0};
	struct error err = {0};
	struct buf out = {0};
	struct json found;
	char *source = copy_source(s, n);
	jqscan_read(&scan, source, n);
	must(!source[n], "the source was made longer");
	if (!*scan.fault && path_parse(source, n, &plain)) {
		if (path_eval(&plain, &scope, &out, &err))
			fuzz_must_be_json(out.data, out.len, "a plain result");
		else
			must(err.kind == ERROR_INPUT && *err.text, "no reason");
		if (plain.kind == PLAIN_PATH && path_find(&plain, &scope, &found, &err))
			must(found.s, "a path leads nowhere");
		path_finish(&plain);
	}
	buf_finish(&out);
	jqscan_finish(&scan);
	free(source);
}

static void check_end(const char *s, size_t n)
{
	char *source = copy_source(s, n);
	size_t end;
	if (jqscan_end(source, n, &end))
		must(end < n && source[end] == '}', "it ends at %zu", end);
	free(source);
}

/* As a definition has it: a JSON value whose strings may be expressions. */
static void check_program(struct json node, bool loose)
{
	struct program_options options = {.loose = loose};
	struct program *p = program_create(&options);
	struct expression *e;
	struct error err = {0};
	for (int form = EXPRESSION_BARE; form <= EXPRESSION_VALUE; form++) {
		if (!program_add(p, node, (enum expression_form)form, &e, &err)) {
			must(err.kind == ERROR_INPUT && !loose, "%s", err.text);
			continue;
		}
		(void)expression_mentions(e, "context");
	}
	(void)program_mentions(p, "steps");
	const char **names = NULL;
	size_t n_names = 0;
	(void)program_steps(p, &names, &n_names);
	free(names);
	program_destroy(p);
}

/* Source, then what `.` is. */
void fuzz_expression(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	struct buf quoted = {0};
	size_t length;
	char *source = fuzz_part(&in, &length), *dot_text;
	struct json node, dot = fuzz_part_json(&in, &dot_text);
	json_put_string(&quoted, source, length);
	if (json_check(quoted.data, quoted.len, NULL, &node, NULL, NULL)) {
		check_plain(source, length, dot);
		check_end(source, length);
		check_program(node, false);
		check_program(node, true);
	}
	if (json_check(source, length, NULL, &node, NULL, NULL))
		check_program(node, false);
	buf_finish(&quoted);
	free(source);
	free(dot_text);
}
