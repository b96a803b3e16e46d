/*
 * fuzz_replay [--seconds N] [--seed N] CORPUS [TARGET...]: runs the files of
 * CORPUS/TARGET through each target, then changed copies of them for N seconds, and
 * prints a TAP line for each, with how many inputs a second of the processor it takes,
 * what it starts for that included. Fewer than RATE_MIN fail, if there was time to
 * measure it. Needs no libFuzzer. Each target has a process of its own;
 * the input that ended it is left in a file. CORPUS may also be one file, for one TARGET.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "expression/evaluator.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_MAX (1u << 20)
#define HANG_SECONDS 60
#define RATE_MIN 500
#define RATE_AFTER (2 * USEC_PER_SEC) /* of the processor: less is no measure */

/* Seen by both processes: what the child is at. */
struct shared {
	size_t files, changed, n;
	int64_t used; /* of the processor, for the changed ones, microseconds */
	char data[INPUT_MAX];
};

struct input {
	char *data;
	size_t n;
};

struct corpus {
	struct input *items;
	size_t count;
};

static uint64_t state;

static uint64_t random_number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static size_t below(size_t limit)
{
	return limit ? (size_t)(random_number() % limit) : 0;
}

/* ---- The corpus ---- */

static void add_file(struct corpus *c, const char *path)
{
	char *data = xmalloc(INPUT_MAX);
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(2);
	}
	size_t n = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	c->items = xrealloc(c->items, (c->count + 1) * sizeof *c->items);
	c->items[c->count].data = xrealloc(data, n ? n : 1);
	c->items[c->count++].n = n;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static struct corpus read_corpus(const char *path, const char *target)
{
	struct corpus c = {0};
	struct stat st;
	struct dirent **names;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		add_file(&c, path);
		return c;
	}
	char *folder = xasprintf("%s/%s", path, target);
	int n = scandir(folder, &names, NULL, by_name);
	for (int i = 0; i < n; i++) {
		char *file = xasprintf("%s/%s", folder, names[i]->d_name);
		if (*names[i]->d_name != '.')
			add_file(&c, file);
		free(file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	free(folder);
	return c;
}

static void corpus_finish(struct corpus *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->items[i].data);
	free(c->items);
}

/* ---- Changing ---- */

static void cut(struct buf *b)
{
	size_t at = below(b->len), n = 1 + below(b->len - at < 32 ? b->len - at : 32);
	if (at + n > b->len)
		return;
	memmove(b->data + at, b->data + at + n, b->len - at - n);
	b->len -= n;
}

static void insert(struct buf *b, const char *s, size_t n)
{
	size_t at = below(b->len + 1);
	if (b->len + n > INPUT_MAX)
		return;
	buf_reserve(b, n);
	memmove(b->data + at + n, b->data + at, b->len - at);
	memcpy(b->data + at, s, n);
	b->len += n;
}

static void change(struct buf *b, const struct corpus *c)
{
	static const char *const words[] = {"\"", "{", "}", "[", "]", ":", ",", "\\",
		"${ ", " }", "\n----\n", "\xff", "\xed\xa0\x80", "0", "-", "1e999",
		"null", "\n", "~1", "%", "$ref", "#", "9223372036854775807", "\r\n", "'",
		"--", "/*"};
	const char *word = words[below(sizeof words / sizeof *words)];
	const struct input *other = &c->items[below(c->count)];
	size_t from = below(other->n), n = below(other->n - from + 1);
	char byte = (char)random_number();
	switch (below(6)) {
	case 0: cut(b); break;
	case 1: insert(b, word, strlen(word)); break;
	case 2: insert(b, other->data + from, n < 200 ? n : 200); break;
	case 3: insert(b, &byte, 1); break;
	default:
		if (b->len)
			b->data[below(b->len)] ^= (char)(1 << below(8));
	}
}

/* ---- Running ---- */

static void run_one(
	const struct fuzz_target *t, struct shared *shared, const char *data, size_t n)
{
	char *copy = xmalloc(n ? n : 1);
	memcpy(copy, data, n);
	memcpy(shared->data, data, n);
	shared->n = n;
	alarm(HANG_SECONDS);
	t->run(copy, n);
	free(copy);
}

static int64_t used_of(int whom)
{
	struct rusage u;
	getrusage(whom, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC +
	       u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* Of this process, and of those that it started: they end here. */
static int64_t used_by_all(void)
{
	evaluators_end();
	return used_of(RUSAGE_SELF) + used_of(RUSAGE_CHILDREN);
}

static void run_changed(
	const struct fuzz_target *t, const struct corpus *c, struct shared *shared)
{
	const struct input *in = &c->items[below(c->count)];
	struct buf b = {0};
	buf_add(&b, in->data, in->n);
	for (size_t i = 1 + below(4); i; i--)
		change(&b, c);
	run_one(t, shared, b.data ? b.data : "", b.len);
	buf_finish(&b);
}

static void run_all(const struct fuzz_target *t, const struct corpus *c,
	struct shared *shared, int64_t usec)
{
	for (size_t i = 0; i < c->count; i++, shared->files++)
		run_one(t, shared, c->items[i].data, c->items[i].n);
	int64_t end = clock_boottime() + usec;
	int64_t before = used_of(RUSAGE_SELF) + used_of(RUSAGE_CHILDREN);
	for (; c->count && clock_boottime() < end; shared->changed++)
		run_changed(t, c, shared);
	shared->used = used_by_all() - before;
}

static void keep_input(const struct fuzz_target *t, const struct shared *shared)
{
	const char *folder = getenv("TMPDIR");
	char *path = xasprintf("%s/fuzz-%s-XXXXXX", folder ? folder : "/tmp", t->name);
	int fd = mkstemp(path);
	if (fd >= 0 && write(fd, shared->data, shared->n) == (ssize_t)shared->n)
		printf("# the input is in %s\n", path);
	if (fd >= 0)
		close(fd);
	free(path);
}

/* In a child; false if it did not end well. */
static bool run_target(const struct fuzz_target *t, const char *path, int64_t usec,
	struct shared *shared)
{
	int status = 0;
	memset(shared, 0, sizeof *shared);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct corpus c = read_corpus(path, t->name);
		run_all(t, &c, shared, usec);
		corpus_finish(&c);
		exit(0); /* with a search for leaks */
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	return status == 0 && shared->files > 0;
}

static double rate(const struct shared *s)
{
	return (double)s->changed * USEC_PER_SEC / (double)(s->used + 1);
}

/* Where there was time to measure it. */
static bool is_slow(const struct shared *s)
{
	return s->used > RATE_AFTER && rate(s) < RATE_MIN;
}

static bool is_named(const char *name, char *const *names)
{
	for (char *const *n = names; *n; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return !*names;
}

int main(int argc, char *argv[])
{
	double seconds = 0, seed = 1;
	int at = 1, number = 0, failed = 0;
	for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2)
		*(strcmp(argv[at], "--seed") == 0 ? &seed : &seconds) =
			strtod(argv[at + 1], NULL);
	if (at >= argc) {
		fprintf(stderr, "usage: fuzz_replay [--seconds N] [--seed N] CORPUS "
				"[TARGET...]\n");
		return 2;
	}
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (const struct fuzz_target *t = fuzz_targets; t->name; t++) {
		if (!is_named(t->name, argv + at + 1))
			continue;
		state = (uint64_t)seed * 0x9E3779B97F4A7C15u | 1;
		bool ok = run_target(
			t, argv[at], (int64_t)(seconds * USEC_PER_SEC), shared);
		bool slow = ok && is_slow(shared);
		failed += !ok || slow;
		printf("%s %d - %s: %zu files, %zu changed ones, %.0f a second (seed "
		       "%.0f)\n",
			ok && !slow ? "ok" : "not ok", ++number, t->name, shared->files,
			shared->changed, rate(shared), seed);
		if (slow)
			printf("# fewer than %d a second of the processor\n", RATE_MIN);
		if (!ok)
			keep_input(t, shared);
	}
	printf("1..%d\n", number);
	return failed != 0;
}
