/*
 * Fuzz targets: functions that take any bytes and must neither crash nor break what their
 * `must` says. One program holds them all: with libFuzzer (fuzz_main.c) or, for the
 * corpora in the tests, without (worker/replay.c).
 */
#ifndef STEPWELL_FUZZ_H
#define STEPWELL_FUZZ_H

#include "json/json.h"

struct fuzz_target {
	const char *name; /* of its corpus' folder, too */
	void (*run)(const char *data, size_t n);
};

extern const struct fuzz_target fuzz_targets[]; /* ended by a NULL name */

const struct fuzz_target *fuzz_find(const char *name); /* NULL: none */

/* Ends the process with the text where the condition does not hold. */
#define must(condition, ...)                                \
	do {                                                \
		if (!(condition))                           \
			fuzz_fail(#condition, __VA_ARGS__); \
	} while (0)
_Noreturn void fuzz_fail(const char *condition, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The parts of an input: texts between lines of "----". Each is a copy without a byte to
 * spare, so that reading past its end is seen; caller frees. */
struct fuzz_parts {
	const char *p, *end; /* p NULL: no more */
};
struct fuzz_parts fuzz_parts(const char *data, size_t n);
char *fuzz_part(struct fuzz_parts *in, size_t *ret_n); /* "" of 0 bytes after the last */
/* The next part as a C string; caller frees. */
char *fuzz_part_text(struct fuzz_parts *in);
/* The next part as JSON, absent if it is none; *ret_text holds it, caller frees. */
struct json fuzz_part_json(struct fuzz_parts *in, char **ret_text);

/* Decides what is too dear to be done for every input. */
uint32_t fuzz_hash(const char *data, size_t n);

/* The text is JSON that json_check accepts (an engine's output). */
void fuzz_must_be_json(const char *s, size_t n, const char *what);

#endif
