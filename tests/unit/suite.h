/* What every Check program ends with. */
#ifndef STEPWELL_SUITE_H
#define STEPWELL_SUITE_H

#include <check.h>

/* Runs it, and frees it. Returns the program's exit code. */
static inline int suite_exit(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

#endif
