/*
 * The loops of a template and of its copies. Both read a message, do what it says, and
 * answer; at the end of the socket, or at anything that is no message, they end.
 */
#include "jq/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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

#include "jq/filter.h"
#include "jq/vm.h"
#include "jq/wire.h"

const char jqchild_argument[] = "--evaluator";

struct child {
	int fd;
	struct jqvm *vm;
	struct buf in;
	struct jqwire_header head;
	int passed; /* a descriptor that came with the message, or -1 */
	struct buf out;
};

/* ---- Messages ---- */

static _Noreturn void leave(int code)
{
	_exit(code);
}

static void on_no_memory(void *ctx)
{
	(void)ctx;
	leave(JQCHILD_NO_MEMORY);
}

static void read_all(struct child *c, char *to, size_t n)
{
	while (n) {
		ssize_t got = read(c->fd, to, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			leave(0);
		to += got;
		n -= (size_t)got;
	}
}

/* The header of a message to a template, and the descriptor that came with it. */
static void read_with_descriptor(struct child *c, char *to, size_t n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {to, n};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	ssize_t got;
	while ((got = recvmsg(c->fd, &m, 0)) < 0 && errno == EINTR) {
	}
	if (got <= 0)
		leave(0);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(&c->passed, CMSG_DATA(h), sizeof c->passed);
	read_all(c, to + got, n - (size_t)got);
}

static void read_message(struct child *c, bool is_template)
{
	char head[JQWIRE_HEADER];
	c->passed = -1;
	if (is_template)
		read_with_descriptor(c, head, sizeof head);
	else
		read_all(c, head, sizeof head);
	if (!jqwire_read_header(head, &c->head))
		leave(1);
	buf_clear(&c->in);
	buf_reserve(&c->in, c->head.len);
	c->in.len = c->head.len;
	read_all(c, c->in.data, c->head.len);
}

static void send_answer(struct child *c)
{
	const char *p = c->out.data;
	for (size_t n = c->out.len; n;) {
		ssize_t sent = write(c->fd, p, n);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			leave(0);
		p += sent;
		n -= (size_t)sent;
	}
	if (c->out.cap > (1u << 20))
		buf_finish(&c->out);
}

static size_t begin_answer(struct child *c, enum jqwire_type type, uint32_t number)
{
	struct jqwire_header h = {.type = (uint16_t)type,
		.seq = c->head.seq,
		.generation = c->head.generation,
		.count = number};
	buf_clear(&c->out);
	size_t begin = jqwire_begin(&c->out, &h);
	jqwire_put_u32(&c->out, (uint32_t)jqfilter_refused());
	return begin;
}

/* ---- Copies ---- */

/* The slices of a message, each parsed when it is first asked for. */
struct slices {
	const char **texts;
	size_t *lengths;
	jv *values;
	uint32_t count;
};

static struct slices read_slices(struct jqwire_reader *r)
{
	struct slices s = {.count = jqwire_count(r, 4)};
	s.texts = xcalloc(s.count + 1u, sizeof *s.texts);
	s.lengths = xcalloc(s.count + 1u, sizeof *s.lengths);
	s.values = xcalloc(s.count + 1u, sizeof *s.values);
	for (uint32_t i = 0; i < s.count; i++) {
		s.texts[i] = jqwire_text(r, &s.lengths[i]);
		s.values[i] = jv_invalid();
	}
	return s;
}

static void slices_finish(struct slices *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		jv_free(s->values[i]);
	free(s->texts);
	free(s->lengths);
	free(s->values);
}

static jv slice(struct slices *s, uint32_t number)
{
	if (number >= s->count)
		return jv_null();
	if (!jv_is_valid(s->values[number]))
		s->values[number] =
			jv_parse_sized(s->texts[number], (int)s->lengths[number]);
	if (!jv_is_valid(s->values[number]))
		leave(1);
	return jv_copy(s->values[number]);
}

static void evaluate_one(struct child *c, struct jqwire_reader *r, struct slices *s,
	const struct jqvm_call *common, uint32_t number)
{
	struct jqvm_call call = *common;
	struct error err = {0};
	call.unit = jqwire_u32(r);
	call.dot = slice(s, jqwire_u32(r));
	call.arguments = jv_array();
	for (uint32_t n = jqwire_count(r, 4); n > 0; n--)
		call.arguments = jv_array_append(call.arguments, slice(s, jqwire_u32(r)));
	size_t begin = begin_answer(c, JQWIRE_VALUE, number), from = c->out.len;
	if (!jqvm_evaluate(c->vm, &call, &c->out, &err)) {
		c->out.len = from;
		begin = begin_answer(c, JQWIRE_FAILURE, number);
		buf_puts(&c->out, err.text);
	}
	jqwire_end(&c->out, begin);
	send_answer(c);
}

static void evaluate(struct child *c)
{
	struct jqwire_reader r = {c->in.data, c->in.data + c->in.len, false};
	struct jqvm_call common = {.now = (int64_t)jqwire_u64(&r)};
	common.result_bytes = jqwire_u64(&r);
	struct slices s = read_slices(&r);
	for (uint32_t i = 0; i < c->head.count && !r.bad; i++)
		evaluate_one(c, &r, &s, &common, i);
	slices_finish(&s);
	if (r.bad)
		leave(1);
}

static _Noreturn void serve_copy(struct child *c)
{
	for (;;) {
		read_message(c, false);
		if (c->head.type != JQWIRE_EVALUATE)
			leave(1);
		evaluate(c);
		if (c->in.cap > (1u << 20))
			buf_finish(&c->in);
	}
}

/* ---- Templates ---- */

static void read_source(struct jqwire_reader *r, struct jqvm_source *s)
{
	size_t n;
	const char *text;
	s->variables = jqwire_count(r, 4);
	s->names = xcalloc(s->variables + 1, sizeof *s->names);
	for (size_t i = 0; i < s->variables; i++) {
		text = jqwire_text(r, &n);
		s->names[i] = xstrndup(text, n);
	}
	text = jqwire_text(r, &n);
	s->text = xstrndup(text, n);
}

static void free_source(struct jqvm_source *s)
{
	for (size_t i = 0; i < s->variables; i++)
		free(s->names[i]);
	free(s->names);
	free((char *)s->text);
}

static void compile(struct child *c)
{
	struct jqwire_reader r = {c->in.data, c->in.data + c->in.len, false};
	struct jqvm_source sources[JQVM_GROUP] = {0};
	char *faults[JQVM_GROUP] = {0};
	uint32_t first = jqwire_u32(&r), flags = jqwire_u32(&r), n = c->head.count;
	if (n == 0 || n > JQVM_GROUP || first % JQVM_GROUP)
		leave(1);
	for (uint32_t i = 0; i < n; i++)
		read_source(&r, &sources[i]);
	if (r.bad)
		leave(1);
	if (flags & JQWIRE_TRY)
		faults[0] = jqvm_try(c->vm, sources);
	else
		jqvm_compile(c->vm, first, sources, n, faults);
	size_t begin = begin_answer(c, JQWIRE_COMPILED, n);
	for (uint32_t i = 0; i < n; i++) {
		const char *fault = faults[i] ? faults[i] : "";
		jqwire_put_text(&c->out, fault, strlen(fault));
		free(faults[i]);
		free_source(&sources[i]);
	}
	jqwire_end(&c->out, begin);
	send_answer(c);
}

static void bound(int what, rlim_t most)
{
	struct rlimit limit = {most, most};
	setrlimit((enum __rlimit_resource)what, &limit);
}

/* A copy's parent is the worker, which so learns how it ended. */
static void fork_copy(struct child *c)
{
	if (c->passed < 0)
		leave(1);
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(c->fd);
		c->fd = c->passed;
		bound(RLIMIT_NOFILE, 3);
		if (!jqfilter_install(JQFILTER_COPY))
			leave(JQCHILD_REFUSED);
		serve_copy(c);
	}
	close(c->passed);
	size_t begin = begin_answer(c, JQWIRE_FORKED, 0);
	jqwire_put_u32(&c->out, pid < 0 ? 0 : (uint32_t)pid);
	jqwire_end(&c->out, begin);
	send_answer(c);
}

static _Noreturn void serve_template(struct child *c)
{
	for (;;) {
		read_message(c, true);
		if (c->head.type == JQWIRE_COMPILE)
			compile(c);
		else if (c->head.type == JQWIRE_FORK)
			fork_copy(c);
		else
			leave(1);
	}
}

/* ---- The beginning ---- */

static void be_killed_first(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = write(fd, "1000", 4);
	(void)n; /* without it the kernel chooses by size */
	close(fd);
}

static _Noreturn void begin(void)
{
	struct child c = {.fd = JQCHILD_SOCKET};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	close_range(JQCHILD_SOCKET + 1, ~0u, 0);
	close(0);
	close(1);
	be_killed_first();
	signal(SIGPIPE, SIG_IGN);
	tzset(); /* what it reads, it reads before there are no files */
	c.vm = jqvm_create(on_no_memory);
	if (!jqfilter_install(JQFILTER_TEMPLATE))
		leave(JQCHILD_REFUSED);
	serve_template(&c);
}

/* Before anything of the program that it stands in for. */
__attribute__((constructor)) static void begin_if_asked(int argc, char *argv[])
{
	int type;
	socklen_t n = sizeof type;
	if (argc == 2 && strcmp(argv[1], jqchild_argument) == 0 &&
		getsockopt(JQCHILD_SOCKET, SOL_SOCKET, SO_TYPE, &type, &n) == 0)
		begin();
}
