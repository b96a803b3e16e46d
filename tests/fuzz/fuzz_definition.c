/* A document: judged and, where nothing is wrong with it, compiled. */
#include "fuzz.h"

#include "definition/definition.h"
#include "validate/validate.h"

#include <stdlib.h>
#include <string.h>

static void check_findings(
	const struct findings *f, struct json document, const char *text, size_t n)
{
	must(f->count <= 1000, "%zu findings", f->count);
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *one = &f->items[i];
		must(one->line > 0 && one->column > 0 && one->pointer && one->text &&
				*one->text,
			"a finding without a place or a text");
	}
	must(document.s || f->errors > 0, "no document, and nothing is wrong: %.*s",
		(int)n, text);
}

static void compile(const char *text, size_t n)
{
	struct definition *d;
	struct error err = {0};
	if (!definition_create(text, n, "fuzz", &d, &err)) {
		must(err.kind == ERROR_INPUT && *err.text, "kind %d", (int)err.kind);
		return;
	}
	must(d->namespace && d->name && d->version && d->root.body, "a half definition");
	definition_unref(d);
}

static void on_fault(void *ctx, const struct definition_fault *fault)
{
	size_t n = *(const size_t *)ctx;
	must(*fault->text, "a fault without a text");
	must(fault->offset == SIZE_MAX || (fault->offset <= n && fault->n <= n &&
						  fault->offset + fault->n <= n),
		"a fault at %zu, %zu bytes", fault->offset, fault->n);
}

/* With the expressions, each of which costs libjq 20 ms: too much for every document. */
static void check(const char *text, size_t n)
{
	struct definition *d;
	uint32_t h = fuzz_hash(text, n);
	if (h % 512 != 0)
		return;
	if (definition_check(text, n, on_fault, &n, &d) == 0)
		definition_unref(d);
}

/* The document, then a function in a file of its own. */
void fuzz_definition(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	struct findings found;
	struct json document, function;
	size_t length;
	char *text = fuzz_part(&in, &length);
	validate(text, length, &document, &found);
	check_findings(&found, document, text, length);
	bool good = document.s && !found.errors && !found.unsupported;
	findings_finish(&found);
	if (good)
		compile(text, length);
	if (good)
		check(text, length);
	if (good && in.p) {
		char *other = fuzz_part(&in, &length);
		validate_function(other, length, document, &function, &found);
		findings_finish(&found);
		free(other);
	}
	free(text);
}
