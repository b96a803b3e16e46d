/*
 * Of one group of units comes one jq program: the prelude, `now`, a function for each
 * unit that binds its arguments, and a binary choice among them by the number in the
 * input, which is [number, now, dot, [arguments]]. The result comes out through jq's
 * debug callback, and everything runs inside path(): libjq 1.6 asserts when it is reset
 * while a path waits for what is done with it, as jq_halt may leave it, unless another
 * path is around both. If a group does not compile, each of its units is compiled alone
 * to find the culprits, and the rest is compiled again without them.
 */
#include "jqvm.h"

#include <assert.h>
#include <errno.h>
#include <jq.h>
#include <jv.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "jqvm_dump.h"
#include "jqvm_prelude.h"
#include "plain.h"
#include "watchdog.h"

#define GROUP 64u
/* Of addresses; memory only where it is touched. */
#define STACK_BYTES ((size_t)1 << 30)
#define STACK_GUARD ((size_t)1 << 16)
#define GROWTH_BYTES ((size_t)128 << 20)
/* What must be free of the addresses besides: a process that has no more is out of memory
 * soon. */
#define SPARE_BYTES ((size_t)256 << 20)

struct unit {
	const char *source;
	const struct jqscan *scan;
	char *fault; /* why it does not compile */
};

struct group {
	jq_state *jq; /* NULL if not ready or all units are faulty */
	bool ready;
};

struct jqvm {
	struct program_options options;
	struct unit *units;
	unsigned nunits;
	struct group *groups;
	ucontext_t outside, inside;
	struct job *job; /* what runs inside */
	jv result;       /* of the evaluation that runs; invalid: none yet */
};

/* A call that runs on the vm's stack. */
struct job {
	void (*run)(struct job *);
	struct jqvm *vm;
	unsigned unit;
	const struct scope *scope;
	struct buf *out;
	struct error *err;
	bool ok;
};

/* Once in a process: one evaluation at a time runs in it, and a machine that bounds
 * addresses refuses it at the start or never. */
static struct {
	char *stack; /* NULL: not reserved yet */
	struct watchdog *watchdog;
} place;

static void enter(unsigned high, unsigned low)
{
	struct jqvm *vm = (struct jqvm *)((uintptr_t)high << 32 | low);
	vm->job->run(vm->job);
}

static void call(struct jqvm *vm, struct job *job)
{
	uintptr_t p = (uintptr_t)vm;
	job->vm = vm;
	vm->job = job;
	getcontext(&vm->inside);
	vm->inside.uc_stack.ss_sp = place.stack;
	vm->inside.uc_stack.ss_size = STACK_BYTES;
	vm->inside.uc_link = &vm->outside;
	makecontext(
		&vm->inside, (void (*)(void))enter, 2, (unsigned)(p >> 32), (unsigned)p);
	swapcontext(&vm->outside, &vm->inside);
}

/* A bound on private data counts what is reserved, not what is used; it is not meant for
 * the stack. */
static bool data_is_bounded(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

static bool refuse_place(int why, const char *what, struct error *err)
{
	struct rlimit limit;
	size_t need = (STACK_BYTES + 2 * SPARE_BYTES) >> 20;
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		return error_set(err, ERROR_DENIED,
			"expressions need %zu MiB of addresses, and this process may "
			"have "
			"%llu MiB (ulimit -v, LimitAS=): allow it %zu MiB, and bound its "
			"memory by a control group (MemoryMax=)",
			(STACK_BYTES + SPARE_BYTES) >> 20,
			(unsigned long long)limit.rlim_cur >> 20, need);
	return error_set(err, ERROR_DENIED,
		"expressions need %s, which the system refuses: %s", what, strerror(why));
}

static char *reserve(size_t n, int access, int flags)
{
	char *p = mmap(NULL, n, access, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static char *map_stack(struct error *err)
{
	char *p = reserve(STACK_BYTES, PROT_READ | PROT_WRITE,
		MAP_STACK | (data_is_bounded() ? MAP_SHARED : MAP_PRIVATE));
	char *spare = p ? reserve(SPARE_BYTES, PROT_NONE, MAP_PRIVATE) : NULL;
	int why = errno;
	if (spare) {
		munmap(spare, SPARE_BYTES);
		mprotect(p, STACK_GUARD, PROT_NONE);
		return p;
	}
	if (p)
		munmap(p, STACK_BYTES);
	refuse_place(why, "1280 MiB of addresses (vm.overcommit_memory?)", err);
	return NULL;
}

static void on_no_memory(void *ctx)
{
	(void)ctx;
	fputs("out of memory\n", stderr);
	abort();
}

/* Collects jq's messages, the first line of each. */
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

static void on_result(void *ctx, jv result)
{
	struct jqvm *vm = ctx;
	jv_free(vm->result);
	vm->result = result;
}

/* A compiled program; NULL if it does not compile, and messages tells why. */
static jq_state *compile(struct jqvm *vm, const char *program, struct buf *messages)
{
	jq_state *jq = jq_init();
	assert(jq);
	jq_set_nomem_handler(jq, on_no_memory, NULL);
	jq_set_error_cb(jq, on_message, messages);
	jq_set_input_cb(jq, NULL, NULL);
	jq_set_debug_cb(jq, on_result, vm);
	if (!jq_compile(jq, program))
		jq_teardown(&jq);
	return jq;
}

static void put_unit(struct buf *out, const struct unit *u, unsigned number)
{
	buf_printf(out, "def _stepwell_%u: ", number);
	const struct words *variables = &u->scan->variables;
	for (size_t i = 0; i < variables->n; i++)
		buf_printf(out, ".[3][%zu] as $%s | ", i, variables->items[i]);
	buf_printf(out, ".[2] | (\n%s\n);\n", u->source);
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

/* The units with these numbers as one program. */
static jq_state *compile_units(
	struct jqvm *vm, const unsigned *numbers, unsigned n, struct buf *messages)
{
	struct buf program = {0};
	buf_puts(&program, PRELUDE ".[1] as $now | def now: $now;\n");
	for (unsigned i = 0; i < n; i++)
		put_unit(&program, &vm->units[numbers[i]], numbers[i]);
	buf_puts(&program, "path(first(");
	put_choice(&program, numbers, n);
	buf_puts(&program, ") as $r | $r | debug | empty)");
	jq_state *jq = compile(vm, buf_text(&program), messages);
	buf_finish(&program);
	return jq;
}

/* Leaves only the numbers of units that compile alone; returns how many they are. */
static unsigned find_culprits(struct jqvm *vm, unsigned *numbers, unsigned n)
{
	unsigned good = 0;
	for (unsigned i = 0; i < n; i++) {
		struct buf messages = {0};
		jq_state *jq = compile_units(vm, &numbers[i], 1, &messages);
		if (jq)
			numbers[good++] = numbers[i];
		else
			vm->units[numbers[i]].fault = buf_take(&messages);
		jq_teardown(&jq);
		buf_finish(&messages);
	}
	return good;
}

static void run_compile(struct job *job)
{
	struct jqvm *vm = job->vm;
	struct group *group = &vm->groups[job->unit / GROUP];
	struct buf messages = {0};
	unsigned numbers[GROUP] = {0}, n = 0;
	for (unsigned i = job->unit / GROUP * GROUP; i < vm->nunits && n < GROUP; i++) {
		free(vm->units[i].fault);
		vm->units[i].fault = NULL;
		numbers[n++] = i;
	}
	group->jq = compile_units(vm, numbers, n, &messages);
	if (!group->jq) {
		n = find_culprits(vm, numbers, n);
		group->jq = n ? compile_units(vm, numbers, n, &messages) : NULL;
		for (unsigned i = 0; i < n && !group->jq; i++)
			vm->units[numbers[i]].fault = xstrdup(buf_text(&messages));
	}
	group->ready = true;
	buf_finish(&messages);
}

static void run_try(struct job *job)
{
	struct buf messages = {0};
	jq_state *jq = compile_units(job->vm, &job->unit, 1, &messages);
	job->ok = jq || error_set(job->err, ERROR_INPUT, "%s", buf_text(&messages));
	jq_teardown(&jq);
	buf_finish(&messages);
}

static void put_value(jv *array, struct json v)
{
	if (!v.s)
		v = JSON_LITERAL("null");
	assert(v.n <= INT_MAX);
	*array = jv_array_append(*array, jv_parse_sized(v.s, (int)v.n));
}

/* Invalid where the source asks for what is not in the scope. */
static jv make_input(struct job *job)
{
	const struct scope *scope = job->scope;
	const struct jqscan *scan = job->vm->units[job->unit].scan;
	const struct words *variables = &scan->variables;
	bool ok = true;
	jv input = jv_array(), arguments = jv_array();
	input = jv_array_append(input, jv_number(job->unit));
	input = jv_array_append(input, jv_number((double)scope->now / 1e6));
	put_value(&input, scope->dot);
	for (size_t i = 0; i < variables->n; i++) {
		const char *name = variables->items[i];
		struct json v = {0};
		if (!scope->lookup || !scope->lookup(scope->ctx, name, &v)) {
			v = (struct json){0};
			if (ok && !words_has(&scan->bound, name))
				ok = plain_undefined(name, job->err);
		}
		put_value(&arguments, v);
	}
	input = jv_array_append(input, arguments);
	if (ok)
		return input;
	jv_free(input);
	return jv_invalid();
}

static void on_halt(void *ctx)
{
	jq_halt(ctx, jv_null(), jv_null());
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

static bool take_result(struct jqvm *vm, jv result, struct buf *out, struct error *err)
{
	size_t from = out->len;
	struct json checked;
	struct json_limits limits = {.bytes = vm->options.result_bytes};
	bool ok = jqvm_dump(result, limits.bytes, out, err) &&
		  json_check(out->data + from, out->len - from, &limits, &checked, NULL,
			  err);
	if (!ok)
		out->len = from;
	jv_free(result);
	return ok;
}

static bool take_verdict(
	struct jqvm *vm, enum watchdog_verdict verdict, struct error *err)
{
	if (verdict == WATCHDOG_LATE)
		return error_set(err, ERROR_INPUT, "took longer than %u ms",
			vm->options.timeout_ms);
	return error_set(
		err, ERROR_INPUT, "took more than %zu MiB of memory", GROWTH_BYTES >> 20);
}

static bool finish(struct job *job, jq_state *jq)
{
	struct jqvm *vm = job->vm;
	watchdog_arm(place.watchdog, vm->options.timeout_ms, on_halt, jq);
	jv end = jq_next(jq);
	enum watchdog_verdict verdict = watchdog_disarm(place.watchdog);
	jv result = vm->result;
	vm->result = jv_invalid();
	if (jv_is_valid(result)) {
		jv_free(end);
		return take_result(vm, result, job->out, job->err);
	}
	if (jv_invalid_has_msg(jv_copy(end)))
		return take_error(end, job->err);
	jv_free(end);
	if (verdict != WATCHDOG_FINE)
		return take_verdict(vm, verdict, job->err);
	buf_puts(job->out, "null");
	return true;
}

static void run_eval(struct job *job)
{
	jq_state *jq = job->vm->groups[job->unit / GROUP].jq;
	jv input = make_input(job);
	if (!jv_is_valid(input))
		return;
	jq_start(jq, input, 0);
	job->ok = finish(job, jq);
	jq_start(jq, jv_null(),
		0); /* frees what the evaluation left, and clears jq_halt */
}

static void run_destroy(struct job *job)
{
	for (unsigned i = 0; i * GROUP < job->vm->nunits; i++)
		jq_teardown(&job->vm->groups[i].jq);
}

struct jqvm *jqvm_create(const struct program_options *options)
{
	struct jqvm *vm = xcalloc(1, sizeof *vm);
	vm->options = *options;
	vm->result = jv_invalid();
	return vm;
}

void jqvm_destroy(struct jqvm *vm)
{
	if (!vm)
		return;
	if (place.stack)
		call(vm, &(struct job){.run = run_destroy});
	for (unsigned i = 0; i < vm->nunits; i++)
		free(vm->units[i].fault);
	free(vm->units);
	free(vm->groups);
	free(vm);
}

unsigned jqvm_count(const struct jqvm *vm)
{
	return vm->nunits;
}

unsigned jqvm_add(struct jqvm *vm, const char *source, const struct jqscan *scan)
{
	unsigned number = vm->nunits++;
	vm->units = xrealloc(vm->units, vm->nunits * sizeof *vm->units);
	vm->units[number] = (struct unit){source, scan, NULL};
	struct group *group;
	if (number % GROUP == 0) {
		vm->groups =
			xrealloc(vm->groups, (number / GROUP + 1) * sizeof *vm->groups);
		vm->groups[number / GROUP] = (struct group){0};
	}
	group = &vm->groups[number / GROUP];
	jq_teardown(&group->jq); /* compiled again, with the new one */
	group->ready = false;
	return number;
}

bool jqvm_place(struct error *err)
{
	if (place.stack)
		return true;
	char *stack = map_stack(err);
	if (!stack)
		return false;
	place.watchdog = watchdog_create(GROWTH_BYTES);
	if (!place.watchdog) {
		refuse_place(errno, "a thread", err);
		munmap(stack, STACK_BYTES);
		return false;
	}
	place.stack = stack;
	return true;
}

void jqvm_place_leave(void)
{
	if (!place.stack)
		return;
	watchdog_destroy(place.watchdog);
	munmap(place.stack, STACK_BYTES);
	place.stack = NULL;
}

static bool enter_place(struct error *err)
{
	bool ok = jqvm_place(err);
	if (!ok && err)
		err->kind = ERROR_INPUT; /* as all failures of expressions */
	return ok;
}

bool jqvm_try(struct jqvm *vm, unsigned unit, struct error *err)
{
	struct job job = {.run = run_try, .unit = unit, .err = err};
	if (!enter_place(err))
		return false;
	call(vm, &job);
	return job.ok;
}

bool jqvm_compile(struct jqvm *vm, unsigned unit, struct error *err)
{
	if (!enter_place(err))
		return false;
	if (!vm->groups[unit / GROUP].ready)
		call(vm, &(struct job){.run = run_compile, .unit = unit});
	const char *fault = vm->units[unit].fault;
	return fault ? error_set(err, ERROR_INPUT, "%s", fault) : true;
}

bool jqvm_eval(struct jqvm *vm, unsigned unit, const struct scope *scope, struct buf *out,
	struct error *err)
{
	struct job job = {
		.run = run_eval, .unit = unit, .scope = scope, .out = out, .err = err};
	if (!jqvm_compile(vm, unit, err))
		return false;
	call(vm, &job);
	return job.ok;
}
