/*
 * Of one group of units comes one jq program: the prelude, `now`, a function for each
 * unit that binds its arguments, and a binary choice among them by the number in the
 * input, which is [number, now, dot, [arguments]]. If a group does not compile, each of
 * its units is compiled alone to find the culprits, and the rest is compiled again
 * without them.
 */
#include "jq/vm.h"

#include <assert.h>
#include <jq.h>
#include <stdlib.h>
#include <string.h>

#include "jq/dump.h"
#include "jq/prelude.h"

struct jqvm {
	void (*on_no_memory)(void *);
	jq_state **groups; /* NULL where nothing is compiled */
	unsigned count;
};

/* Keeps jq's first message, the first line of it. */
static void on_message(void *ctx, jv message)
{
	struct buf *all = ctx;
	jv text = jq_format_error(message);
	const char *s = jv_string_value(text);
	const char *skip = "jq: error: ";
	if (strncmp(s, skip, strlen(skip)) == 0)
		s += strlen(skip);
	const char *at = strstr(s, " at <top-level>");
	const char *hint = strstr(s, " (Unix shell");
	size_t n = strcspn(s, "\n");
	if (at && (size_t)(at - s) < n)
		n = (size_t)(at - s);
	if (hint && (size_t)(hint - s) < n)
		n = (size_t)(hint - s);
	if (!all->len)
		buf_add(all, s, n);
	jv_free(text);
}

static void ignore_message(void *ctx, jv message)
{
	(void)ctx;
	jv_free(message);
}

/* A compiled program; NULL if it does not compile, and messages tells why. */
static jq_state *compile(struct jqvm *vm, const char *program, struct buf *messages)
{
	jq_state *jq = jq_init();
	assert(jq);
	jq_set_nomem_handler(jq, vm->on_no_memory, NULL);
	jq_set_error_cb(jq, on_message, messages);
	jq_set_input_cb(jq, NULL, NULL);
	if (!jq_compile(jq, program))
		jq_teardown(&jq);
	if (jq)
		jq_set_error_cb(jq, ignore_message, NULL);
	return jq;
}

static void put_unit(struct buf *out, const struct jqvm_source *u, unsigned number)
{
	buf_printf(out, "def _stepwell_%u: ", number);
	for (size_t i = 0; i < u->variables; i++)
		buf_printf(out, ".[3][%zu] as $%s | ", i, u->names[i]);
	buf_printf(out, ".[2] | (\n%s\n);\n", u->text);
}

static void put_choice(struct buf *out, const unsigned *numbers, unsigned n)
{
	if (n == 1) {
		buf_printf(out, "_stepwell_%u", *numbers);
		return;
	}
	buf_printf(out, "if .[0] < %u then ", numbers[n / 2]);
	put_choice(out, numbers, n / 2);
	buf_puts(out, " else ");
	put_choice(out, numbers + n / 2, n - n / 2);
	buf_puts(out, " end");
}

/* The sources with these numbers as one program; numbers count from `first`. */
static jq_state *compile_units(struct jqvm *vm, const struct jqvm_source *sources,
	unsigned first, const unsigned *numbers, unsigned n, struct buf *messages)
{
	struct buf program = {0};
	buf_puts(&program, PRELUDE ".[1] as $now | def now: $now;\n");
	for (unsigned i = 0; i < n; i++)
		put_unit(&program, &sources[numbers[i] - first], numbers[i]);
	buf_puts(&program, "first(");
	put_choice(&program, numbers, n);
	buf_puts(&program, ")");
	jq_state *jq = compile(vm, buf_text(&program), messages);
	buf_finish(&program);
	return jq;
}

/* Leaves only the numbers of units that compile alone; returns how many they are. */
static unsigned find_culprits(struct jqvm *vm, const struct jqvm_source *sources,
	unsigned first, unsigned *numbers, unsigned n, char **faults)
{
	unsigned good = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned number = numbers[i];
		faults[number - first] = jqvm_try(vm, &sources[number - first]);
		if (!faults[number - first])
			numbers[good++] = number;
	}
	return good;
}

void jqvm_compile(struct jqvm *vm, unsigned first, const struct jqvm_source *sources,
	unsigned n, char **ret_faults)
{
	struct buf messages = {0};
	unsigned numbers[JQVM_GROUP], left = n, group = first / JQVM_GROUP;
	assert(n > 0 && n <= JQVM_GROUP && first % JQVM_GROUP == 0);
	for (unsigned i = 0; i < n; i++) {
		numbers[i] = first + i;
		ret_faults[i] = NULL;
	}
	if (group >= vm->count) {
		vm->groups = xrealloc(vm->groups, (group + 1) * sizeof(jq_state *));
		while (vm->count <= group)
			vm->groups[vm->count++] = NULL;
	}
	jq_state **jq = &vm->groups[group];
	jq_teardown(jq);
	*jq = compile_units(vm, sources, first, numbers, n, &messages);
	if (!*jq) {
		left = find_culprits(vm, sources, first, numbers, n, ret_faults);
		*jq = left ? compile_units(vm, sources, first, numbers, left, &messages)
			   : NULL;
	}
	for (unsigned i = 0; i < left && !*jq; i++)
		ret_faults[numbers[i] - first] = xstrdup(buf_text(&messages));
	buf_finish(&messages);
}

char *jqvm_try(struct jqvm *vm, const struct jqvm_source *source)
{
	struct buf messages = {0};
	unsigned number = 0;
	jq_state *jq = compile_units(vm, source, 0, &number, 1, &messages);
	char *fault = jq ? NULL : xstrdup(buf_text(&messages));
	jq_teardown(&jq);
	buf_finish(&messages);
	return fault;
}

static bool take_error(jv failure, struct error *err)
{
	jv message = jv_invalid_get_msg(failure);
	struct buf text = {0};
	if (jv_get_kind(message) == JV_KIND_STRING)
		buf_puts(&text, jv_string_value(message));
	else if (!jqvm_dump(message, sizeof err->text, &text, NULL))
		buf_puts(&text, "(a large error value)");
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.data[i] < 0x20)
			text.data[i] = ' ';
	}
	error_set(err, ERROR_INPUT, "%s", buf_text(&text));
	buf_finish(&text);
	jv_free(message);
	return false;
}

static bool take_result(jv result, size_t bytes, struct buf *out, struct error *err)
{
	bool ok = true;
	if (jv_is_valid(result)) {
		ok = jqvm_dump(result, bytes, out, err);
		jv_free(result);
	} else if (jv_invalid_has_msg(jv_copy(result))) {
		ok = take_error(result, err);
	} else {
		buf_puts(out, "null");
		jv_free(result);
	}
	return ok;
}

bool jqvm_evaluate(
	struct jqvm *vm, const struct jqvm_call *call, struct buf *out, struct error *err)
{
	unsigned group = call->unit / JQVM_GROUP;
	jq_state *jq = group < vm->count ? vm->groups[group] : NULL;
	jv input = jv_array();
	input = jv_array_append(input, jv_number(call->unit));
	input = jv_array_append(input, jv_number((double)call->now / 1e6));
	input = jv_array_append(input, call->dot);
	input = jv_array_append(input, call->arguments);
	if (!jq) {
		jv_free(input);
		return error_set(err, ERROR_INPUT, "it is not compiled");
	}
	jq_start(jq, input, 0);
	jv result = jq_next(jq);
	if (jv_is_valid(result))
		jv_free(jq_next(jq)); /* 1.6 asserts if it is left within a path() */
	bool ok = take_result(result, call->result_bytes, out, err);
	jq_start(jq, jv_null(), 0); /* frees what the evaluation left */
	return ok;
}

struct jqvm *jqvm_create(void (*on_no_memory)(void *))
{
	struct jqvm *vm = xcalloc(1, sizeof *vm);
	vm->on_no_memory = on_no_memory;
	return vm;
}

void jqvm_destroy(struct jqvm *vm)
{
	if (!vm)
		return;
	for (unsigned i = 0; i < vm->count; i++)
		jq_teardown(&vm->groups[i]);
	free(vm->groups);
	free(vm);
}
