/*
 * The evaluator's end of its protocol: a worker that says anything, in pieces of any
 * size. It answers what it is asked, in order, or ends; nothing of a message is left when
 * it is done. This is jq/child.c itself, whose calls to the kernel come here. libjq
 * evaluates three small expressions; what is to be compiled is only looked at.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "jq/child.h"
#include "jq/filter.h"
#include "jq/vm.h"
#include "script.h"

#define UNITS 3
#define MEMORY 65536u
#define ENDS 1000 /* and the code, from setjmp */

/* ---- What it has instead of a kernel ---- */

static struct kernel {
	struct buf says;  /* what the worker says */
	size_t taken;     /* of it */
	struct script in; /* how large the pieces are */
	struct buf heard; /* what the worker hears */
	jmp_buf end;
	unsigned forks, passed; /* descriptors */
	void *live[4096];       /* what it has allocated */
	size_t live_count;
} kernel;

static void *keep(void *p)
{
	must(kernel.live_count < sizeof kernel.live / sizeof *kernel.live, "too much");
	return kernel.live[kernel.live_count++] = p;
}

static void *kernel_calloc(size_t n, size_t size)
{
	return keep(xcalloc(n, size));
}

static char *kernel_strndup(const char *s, size_t n)
{
	return keep(xstrndup(s, n));
}

static void kernel_free(void *p)
{
	for (size_t i = kernel.live_count; p && i > 0; i--) {
		if (kernel.live[i - 1] != p)
			continue;
		kernel.live[i - 1] = kernel.live[--kernel.live_count];
		break;
	}
	free(p);
}

static _Noreturn void kernel_exit(int code)
{
	longjmp(kernel.end, ENDS + code);
}

/* As much as there is memory for: what is announced need not come. */
static void kernel_reserve(struct buf *b, size_t more)
{
	must(more <= JQWIRE_MAX, "%zu bytes", more);
	if (more > MEMORY)
		kernel_exit(JQCHILD_NO_MEMORY);
	buf_reserve(b, more);
}

static ssize_t kernel_read(int fd, void *to, size_t n)
{
	size_t left = kernel.says.len - kernel.taken;
	(void)fd;
	n = n < left ? n : left;
	n = n ? script_piece(&kernel.in, n) : 0;
	if (n)
		memcpy(to, kernel.says.data + kernel.taken, n);
	kernel.taken += n;
	return (ssize_t)n;
}

/* With every other piece comes a descriptor. */
static ssize_t kernel_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);
	int passed = 7;
	(void)flags;
	if (kernel.passed++ % 2) {
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof passed);
		memcpy(CMSG_DATA(h), &passed, sizeof passed);
	} else {
		m->msg_controllen = 0;
	}
	return kernel_read(fd, m->msg_iov->iov_base, m->msg_iov->iov_len);
}

static ssize_t kernel_write(int fd, const void *bytes, size_t n)
{
	(void)fd;
	n = script_piece(&kernel.in, n);
	buf_add(&kernel.heard, bytes, n);
	return (ssize_t)n;
}

static long kernel_fork(void)
{
	return kernel.forks++ % 3 ? 4711 : 0;
}

static char *look_at(const struct jqvm_source *s)
{
	size_t bytes = strlen(s->text);
	for (size_t i = 0; i < s->variables; i++)
		bytes += strlen(s->names[i]);
	return bytes % 3 == 1 ? xstrdup("it does not compile") : NULL;
}

static void compile_none(struct jqvm *vm, unsigned first,
	const struct jqvm_source *sources, unsigned n, char **ret_faults)
{
	(void)vm;
	must(first % JQVM_GROUP == 0 && n > 0 && n <= JQVM_GROUP, "%u from %u", n, first);
	for (unsigned i = 0; i < n; i++)
		ret_faults[i] = look_at(&sources[i]);
}

static char *try_none(struct jqvm *vm, const struct jqvm_source *source)
{
	(void)vm;
	return look_at(source);
}

static void bound_none(int what, const struct rlimit *limit)
{
	must(what == RLIMIT_NOFILE && limit->rlim_cur == 3, "another bound");
}

static bool do_nothing(void)
{
	return true;
}

#define _exit kernel_exit
#define read kernel_read
#define recvmsg kernel_recvmsg
#define write kernel_write
#define buf_reserve kernel_reserve
#define xcalloc kernel_calloc
#define xstrndup kernel_strndup
#define free kernel_free
#define syscall(...) kernel_fork()
#define prctl(...) do_nothing()
#define setrlimit bound_none
#define close(fd) ((void)(fd))
#define close_range(...) do_nothing()
#define jqfilter_install(whom) do_nothing()
#define jqvm_compile compile_none
#define jqvm_try try_none
#define jqchild_argument fuzz_jqchild_argument
#define constructor unused /* a program has one beginning */

#include "../../engine/jq/child.c"

#undef buf_reserve
#undef free
#undef xcalloc
#undef xstrndup
#undef jqvm_compile

/* ---- What the worker says ---- */

static void put_evaluate(struct script *in, struct buf *out)
{
	static const char *const slices[] = {"null", "{\"a\":1}", "{\"b\":[1,2]}", "nan",
		"[[", "1 2", "\"\xff\"", "1e999"};
	unsigned count = script_next(in, 5), n = script_next(in, 5);
	struct jqwire_header h = {.type = JQWIRE_EVALUATE, .seq = 5, .count = n};
	size_t begin = jqwire_begin(out, &h);
	jqwire_put_u64(out, 1500000);
	jqwire_put_u64(out, script_next(in, 4) ? 1 << 20 : 3);
	jqwire_put_u32(out, count);
	for (unsigned i = 0; i < count; i++) {
		const char *text = slices[script_next(in, 8)];
		jqwire_put_text(out, text, strlen(text));
	}
	for (unsigned i = 0; i < n; i++) {
		jqwire_put_u32(out, script_next(in, UNITS + 1));
		jqwire_put_u32(out, script_next(in, 6));
		unsigned arguments = script_next(in, 4);
		jqwire_put_u32(out, arguments);
		for (; arguments; arguments--)
			jqwire_put_u32(out, script_next(in, 6));
	}
	script_end_message(in, begin, out);
}

static void put_text(struct script *in, struct buf *out)
{
	struct buf text = {0};
	script_put_bytes(in, SIZE_MAX, &text);
	jqwire_put_text(out, text.data, text.len);
	buf_finish(&text);
}

static void put_compile(struct script *in, struct buf *out)
{
	unsigned n = script_next(in, 5);
	struct jqwire_header h = {.type = JQWIRE_COMPILE, .seq = 5, .count = n};
	size_t begin = jqwire_begin(out, &h);
	jqwire_put_u32(out, script_next(in, 4) * (JQVM_GROUP / 2));
	jqwire_put_u32(out, script_next(in, 2));
	for (; n; n--) {
		unsigned variables = script_next(in, 3);
		for (jqwire_put_u32(out, variables); variables; variables--)
			put_text(in, out);
		put_text(in, out);
	}
	script_end_message(in, begin, out);
}

static void put_messages(struct script *in, struct buf *out)
{
	while (in->p < in->end && out->len < 4096) {
		unsigned what = script_next(in, 8);
		struct jqwire_header h = {.type = JQWIRE_FORK};
		if (what < 4)
			put_evaluate(in, out);
		else if (what < 6)
			put_compile(in, out);
		else if (what == 6)
			script_end_message(in, jqwire_begin(out, &h), out);
		else
			script_put_bytes(in, SIZE_MAX, out);
	}
}

/* ---- What must hold ---- */

static struct jqvm *compiled(void)
{
	static struct jqvm *vm;
	struct jqvm_source sources[UNITS] = {
		{".", 0, NULL}, {".a + 1", 0, NULL}, {"error", 0, NULL}};
	char *faults[UNITS];
	if (!vm) {
		vm = jqvm_create(on_no_memory);
		jqvm_compile(vm, 0, sources, UNITS, faults);
	}
	return vm;
}

/* What the worker has heard are whole messages of those that an evaluator has to say. */
static void check_heard(void)
{
	const char *p = kernel.heard.data;
	size_t left = kernel.heard.len;
	while (left) {
		struct jqwire_header h;
		must(left >= JQWIRE_HEADER && jqwire_read_header(p, &h), "a header");
		must(h.len >= 4 && h.len <= left - JQWIRE_HEADER, "half a message");
		must(h.type == JQWIRE_COMPILED || h.type == JQWIRE_FORKED ||
				h.type == JQWIRE_VALUE || h.type == JQWIRE_FAILURE,
			"it says %d", h.type);
		if (h.type == JQWIRE_VALUE)
			fuzz_must_be_json(
				p + JQWIRE_HEADER + 4, h.len - 4, "what it gives");
		p += JQWIRE_HEADER + h.len;
		left -= JQWIRE_HEADER + h.len;
	}
}

static void child_serve(struct child *c, bool is_template)
{
	int ended = setjmp(kernel.end);
	if (!ended && is_template)
		serve_template(c);
	else if (!ended)
		serve_copy(c);
	must(ended == ENDS || ended == ENDS + 1 || ended == ENDS + JQCHILD_NO_MEMORY,
		"it ends with %d", ended - ENDS);
	/* At a message's end nothing is kept; one that is none may end it halfway. */
	must(ended != ENDS || kernel.live_count == 0, "%zu are left", kernel.live_count);
	while (kernel.live_count)
		free(kernel.live[--kernel.live_count]);
}

void fuzz_jqchild(const char *data, size_t n)
{
	struct child c = {.vm = compiled(), .fd = -1, .passed = -1};
	struct script in = {(const uint8_t *)data, (const uint8_t *)data + n};
	bool is_template = script_next(&in, 2);
	buf_clear(&kernel.says);
	buf_clear(&kernel.heard);
	kernel.taken = kernel.forks = kernel.passed = 0;
	kernel.in = (struct script){(const uint8_t *)data, (const uint8_t *)data + n};
	put_messages(&in, &kernel.says);
	child_serve(&c, is_template);
	check_heard();
	buf_finish(&c.in);
	buf_finish(&c.out);
}
