/* The program for libFuzzer; FUZZ_TARGET names the target. */
#include "fuzz.h"

#include "expression/evaluator.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");
	(void)argc;
	target = name ? fuzz_find(name) : NULL;
	if (!target) {
		fprintf(stderr, "%s: FUZZ_TARGET names no target\n", (*argv)[0]);
		exit(2);
	}
	atexit(evaluators_end); /* what they used is counted when they are reaped */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	target->run((const char *)data, n);
	return 0;
}
