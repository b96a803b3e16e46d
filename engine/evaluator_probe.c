/* Asked when a worker starts: an update of a library may need a system call that the
 * filter does not know. */
#include "evaluator.h"
#include "expression.h"

#include <string.h>

/* Memory, regular expressions, dates, sorting, text. */
#define WORKS                                                                      \
	"\"[(0 | todate), (\\\"ab\\\" | test(\\\"b\\\")), ([3, 1] | sort), (.x | " \
	"tojson), ([range(1000)] | length), now]\""
#define WORKED "[\"1970-01-01T00:00:00Z\",true,[1,3],\"{}\",1000,1.5]"
/* A NaN as the bound of a slice: an assertion of libjq 1.6. */
#define ENDS "\".x | tojson | .[(-1 | sqrt):]\""

static bool evaluate(
	struct program *p, const char *node, struct buf *out, struct error *err)
{
	struct expression *e;
	struct scope scope = {.dot = JSON_LITERAL("{\"x\":{}}"), .now = 1500000};
	return program_add(
		       p, (struct json){node, strlen(node)}, EXPRESSION_BARE, &e, err) &&
	       expression_eval(e, &scope, out, err);
}

static bool probe(struct program *p, struct error *err)
{
	struct buf out = {0};
	struct error ended;
	bool ok = evaluate(p, WORKS, &out, err);
	if (ok && strcmp(buf_text(&out), WORKED) != 0)
		ok = error_set(err, ERROR_DENIED, "it gives %.200s", buf_text(&out));
	buf_clear(&out);
	if (ok && !evaluate(p, ENDS, &out, &ended) && !strstr(ended.text, "signal 6"))
		ok = error_set(err, ERROR_DENIED, "%.300s", ended.text);
	if (ok && evaluators_refused())
		ok = error_set(err, ERROR_DENIED, "it needs system call %u",
			evaluators_refused());
	buf_finish(&out);
	return ok;
}

bool evaluators_probe(struct error *err)
{
	struct program *p = program_create(NULL);
	bool ok = probe(p, err);
	program_destroy(p);
	evaluators_end();
	if (!ok && err)
		err->kind = ERROR_DENIED;
	return ok || error_prefix(err, "expressions cannot be evaluated here");
}
