/*
 * Documents to draw: those of a folder, and random ones. Only for tests of pictures.
 */
#ifndef STEPWELL_TESTS_GRAPH_DOCUMENTS_H
#define STEPWELL_TESTS_GRAPH_DOCUMENTS_H

#include "base/buf.h"
#include "json/json.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Of a folder ---- */

static inline char *document_read(const char *path)
{
	struct buf text = {0};
	char block[65536];
	size_t n;
	FILE *f = fopen(path, "r");
	while (f && (n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(&text, block, n);
	if (f)
		fclose(f);
	return buf_take(&text);
}

/* Calls back with each .json file of the folder; returns how many there were. */
static inline size_t documents_each(
	const char *folder, void (*on_document)(const char *name, const char *text))
{
	size_t count = 0;
	DIR *d = opendir(folder);
	for (struct dirent *e; d && (e = readdir(d));) {
		const char *ending = strrchr(e->d_name, '.');
		if (!ending || strcmp(ending, ".json") != 0)
			continue;
		char *path = xasprintf("%s/%s", folder, e->d_name);
		char *text = document_read(path);
		on_document(path, text);
		free(text);
		free(path);
		count++;
	}
	if (d)
		closedir(d);
	return count;
}

/* ---- Random ones ---- */

struct chance {
	uint64_t state;
	int left; /* tasks that may still be made */
	int named;
};

static inline unsigned chance_below(struct chance *c, unsigned n)
{
	c->state = c->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(c->state >> 33) % n;
}

static inline void random_list(struct chance *c, struct buf *out, int depth);

/* A directive within a list of n tasks; far: also the farthest of them. */
static inline void random_then(struct chance *c, struct buf *out, int base, int n)
{
	unsigned kind = chance_below(c, 10);
	if (kind < 3)
		buf_puts(out, "\"continue\"");
	else if (kind == 3)
		buf_puts(out, "\"end\"");
	else if (kind == 4)
		buf_puts(out, "\"exit\"");
	else
		buf_printf(out, "\"t%d\"", base + (int)chance_below(c, (unsigned)n));
}

static inline void random_switch(struct chance *c, struct buf *out, int base, int n)
{
	unsigned cases = 1 + chance_below(c, chance_below(c, 20) ? 5 : 60);
	buf_puts(out, "\"switch\":[");
	for (unsigned i = 0; i < cases; i++) {
		buf_printf(out, "%s{\"case%u\":{", i ? "," : "", i);
		if (i + 1 < cases || chance_below(c, 2))
			buf_printf(out, "\"when\":\".x == %u\",", i);
		buf_puts(out, "\"then\":");
		random_then(c, out, base, n);
		buf_puts(out, "}}");
	}
	buf_puts(out, "]");
}

static inline void random_fork(struct chance *c, struct buf *out, int depth)
{
	unsigned branches = 1 + chance_below(c, 7);
	buf_puts(out, "\"fork\":{\"branches\":[");
	for (unsigned i = 0; i < branches; i++) {
		buf_printf(out, "%s{\"b%u\":{", i ? "," : "", i);
		if (chance_below(c, 2) && c->left > 0) {
			buf_puts(out, "\"do\":");
			random_list(c, out, depth + 1);
		} else {
			buf_puts(out, "\"wait\":\"PT1H\"");
		}
		buf_puts(out, "}}");
	}
	buf_puts(out, "]}");
}

static inline void random_try(
	struct chance *c, struct buf *out, int depth, int base, int n)
{
	buf_puts(out, "\"try\":");
	random_list(c, out, depth + 1);
	buf_puts(out, ",\"catch\":{\"errors\":{\"with\":{\"status\":503}}");
	if (chance_below(c, 2)) {
		buf_puts(out, ",\"do\":");
		random_list(c, out, depth + 1);
	}
	if (chance_below(c, 2)) {
		buf_puts(out, ",\"then\":");
		random_then(c, out, base, n);
	}
	buf_puts(out, "}");
}

static inline void random_leaf(struct chance *c, struct buf *out)
{
	static const char *const leaves[] = {"\"set\":{\"a\":1}",
		"\"wait\":{\"hours\":3}", "\"raise\":{\"error\":\"boom\"}",
		"\"call\":\"http\",\"with\":{\"method\":\"get\",\"endpoint\":"
		"\"https://example.com/a/rather/long/path/{that}/goes/on/and/on\"}",
		"\"emit\":{\"event\":{\"with\":{\"type\":\"com.example.x\"}}}",
		"\"run\":{\"shell\":{\"command\":\"ls\"}}", "\"call\":\"helper\"",
		"\"listen\":{\"to\":{\"any\":[]}}", "\"odd\":1"};
	buf_puts(out, leaves[chance_below(c, sizeof leaves / sizeof *leaves)]);
}

static inline void random_task(
	struct chance *c, struct buf *out, int depth, int base, int n)
{
	unsigned kind = chance_below(c, depth < 5 && c->left > 0 ? 10 : 5);
	buf_puts(out, "{");
	if (chance_below(c, 6) == 0)
		buf_puts(out, "\"if\":\".go\",");
	if (chance_below(c, 3) == 0) {
		buf_puts(out, "\"then\":");
		random_then(c, out, base, n);
		buf_puts(out, ",");
	}
	if (kind < 3)
		random_leaf(c, out);
	else if (kind < 5)
		random_switch(c, out, base, n);
	else if (kind == 5)
		random_fork(c, out, depth);
	else if (kind == 6)
		random_try(c, out, depth, base, n);
	else
		buf_puts(out, kind == 7   ? "\"for\":{\"in\":\".x\"},\"do\":"
			      : kind == 8 ? "\"listen\":{\"to\":{\"any\":[]}},"
					    "\"foreach\":{\"do\":"
					  : "\"do\":");
	if (kind > 6)
		random_list(c, out, depth + 1);
	buf_puts(out, kind == 8 ? "}}" : "}");
}

static inline void random_list(struct chance *c, struct buf *out, int depth)
{
	int n = 1 + (int)chance_below(c, depth == 0 ? 30 : 7), base = c->named;
	c->left -= n;
	c->named += n;
	buf_puts(out, "[");
	for (int i = 0; i < n; i++) {
		buf_printf(out, "%s{\"t%d\":", i ? "," : "", base + i);
		random_task(c, out, depth, base, n);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

/* A document of about so many tasks; the same for the same seed. Caller frees. */
static inline char *document_random(uint64_t seed, int tasks)
{
	struct chance c = {.state = seed * 2654435761u + 1, .left = tasks};
	struct buf out = {0};
	buf_puts(&out, "{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"n\",\"name\":"
		       "\"random\",\"version\":\"1.0.0\"},\"use\":{\"functions\":{"
		       "\"helper\":{\"do\":");
	random_list(&c, &out, 4);
	buf_puts(&out, "}}},\"do\":");
	random_list(&c, &out, 0);
	buf_puts(&out, "}");
	return buf_take(&out);
}

#endif
