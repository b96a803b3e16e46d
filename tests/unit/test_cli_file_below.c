/* Files below a folder: by openat2, and step by step, as older kernels have it. */
#include "file_below.h"
#include "suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
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

int main(void)
{
	Suite *suite = suite_create("file_below");
	TCase *tc = tcase_create("file_below");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_leads_out);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
