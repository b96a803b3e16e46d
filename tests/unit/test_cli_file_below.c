/* Files below a folder: by openat2, and step by step, as older kernels have it. */
#include "file_below.h"
#include "suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/below.XXXXXX";
static int fd;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	fd = open(folder, O_PATH | O_DIRECTORY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mkdirat(fd, "d", 0700), 0);
	close(openat(fd, "d/f", O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(symlinkat("d", fd, "link"), 0);
	ck_assert_int_eq(symlinkat("/etc", fd, "out"), 0);
	ck_assert_int_eq(mkfifoat(fd, "fifo", 0600), 0);
}

static void teardown(void)
{
	static const char *const names[] = {"d/f", "link", "out", "fifo"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(fd, names[i], 0);
	unlinkat(fd, "d", AT_REMOVEDIR);
	close(fd);
	rmdir(folder);
}

static bool opens(int (*how)(int, const char *), const char *path)
{
	int f = how(fd, path);
	if (f >= 0)
		close(f);
	return f >= 0;
}

START_TEST(nothing_leads_out)
{
	static const char *const outside[] = {"..", "../etc/passwd", "d/../../etc/passwd",
		"out/passwd", "d/../../x", "", "d/none", "/etc/passwd"};
	int (*const ways[])(int, const char *) = {file_below_open, file_below_walk};
	for (size_t w = 0; w < 2; w++) {
		ck_assert(opens(ways[w], "d/f"));
		ck_assert(opens(ways[w], "//d//f"));
		ck_assert(opens(ways[w], "fifo")); /* at once */
		for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
			ck_assert_msg(!opens(ways[w], outside[i]), "%s", outside[i]);
	}
	ck_assert(!opens(file_below_walk, "link/f"));
	int before = dup(fd);
	close(before);
	int after = dup(fd);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

/* ---- While somebody renames ---- */

static char outside[] = "/tmp/outside.XXXXXX";
static atomic_bool done;

static void put(int folder_fd, const char *path, const char *text)
{
	int f = openat(folder_fd, path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	ck_assert_int_eq(write(f, text, strlen(text)), (ssize_t)strlen(text));
	close(f);
}

/* d/f is ours, another's, a pipe, a device, and d itself leads out and back again. */
static void *exchange(void *ctx)
{
	static const char *const names[] = {"link", "fifo", "device"};
	(void)ctx;
	for (unsigned i = 0; !done; i++) {
		const char *other = names[i % 3];
		renameat2(fd, "d/f", fd, other, RENAME_EXCHANGE);
		renameat2(fd, "d/f", fd, other, RENAME_EXCHANGE);
		renameat2(fd, "d", fd, "out", RENAME_EXCHANGE);
		renameat2(fd, "d", fd, "out", RENAME_EXCHANGE);
	}
	return NULL;
}

static unsigned read_often(int (*how)(int, const char *))
{
	unsigned read_ours = 0;
	for (int i = 0; i < 3000; i++) {
		char text[64] = "";
		struct stat st;
		int f = how(fd, "d/f");
		if (f < 0)
			continue;
		bool regular = fstat(f, &st) == 0 && S_ISREG(st.st_mode);
		ssize_t n = regular ? read(f, text, sizeof text - 1) : 0;
		ck_assert_msg(n <= 0 || strcmp(text, "ours") == 0, "read %s", text);
		read_ours += n > 0;
		close(f);
	}
	return read_ours;
}

START_TEST(what_is_exchanged_meanwhile_leads_nowhere)
{
	pthread_t thread;
	char *path = NULL;
	struct buf text = {0};
	struct error err;
	ck_assert_ptr_nonnull(mkdtemp(outside));
	int other = open(outside, O_PATH | O_DIRECTORY);
	put(other, "f", "another's");
	put(fd, "d/f", "ours");
	unlinkat(fd, "link", 0);
	unlinkat(fd, "out", 0);
	path = xasprintf("%s/f", outside);
	ck_assert_int_eq(symlinkat(path, fd, "link"), 0);
	ck_assert_int_eq(symlinkat(outside, fd, "out"), 0);
	ck_assert_int_eq(symlinkat("/dev/zero", fd, "device"), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, exchange, NULL), 0);
	unsigned opened = read_often(file_below_open),
		 walked = read_often(file_below_walk);
	free(path);
	path = xasprintf("%s/d/f", folder);
	for (int i = 0; i < 3000; i++) {
		buf_clear(&text);
		if (file_below_read(folder, path, 1 << 20, &text, &err))
			ck_assert_str_eq(buf_text(&text), "ours");
	}
	done = true;
	pthread_join(thread, NULL);
	ck_assert_msg(opened > 0 && walked > 0, "%u, %u", opened, walked);
	unlinkat(fd, "device", 0);
	unlinkat(other, "f", 0);
	close(other);
	rmdir(outside);
	buf_finish(&text);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file_below");
	TCase *tc = tcase_create("file_below");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_leads_out);
	tcase_add_test(tc, what_is_exchanged_meanwhile_leads_nowhere);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
