/* Events: a filter that anybody may write, an event that anybody may send, and an event
 * that is emitted. Expressions are kept to plain paths: libjq has a target of its own. */
#include "drive.h"
#include "fuzz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Whether libjq would be needed; strings of `correlate` are expressions as they stand. */
static bool needs_jq(const char *s, size_t n)
{
	bool correlates = memmem(s, n, "correlate", 9);
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '|' && correlates)
			return true;
		if (i + 1 >= n || s[i] != '$' || s[i + 1] != '{')
			continue;
		for (i += 2; i < n && s[i] != '}'; i++)
			if (!strchr(" .$_[]abcdefghijklmnopqrstuvwxyz0123456789", s[i]) ||
				(s[i] == '.' && i + 1 < n && isdigit(s[i + 1] & 0x7f)))
				return true;
	}
	return false;
}

static void drive(struct definition *d, struct json event)
{
	struct drive drive = {.now = 1795000000001000LL, .event = event};
	struct run *r = drive_create(d, JSON_LITERAL("{\"room\":7}"));
	char *ops;
	for (int i = 0; i < 12 && (ops = drive_entry(r, &drive)); i++) {
		fuzz_must_be_json(ops, strlen(ops), "an entry");
		free(ops);
		emissions_destroy(r->emitted);
		takings_destroy(r->takings);
		r->emitted = NULL;
		r->takings = NULL;
	}
	drive_destroy(r);
}

/* `to` of a listen, an event, `with` of an emit. */
void fuzz_event(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	char *texts[3];
	struct json to = fuzz_part_json(&in, &texts[0]);
	struct json event = fuzz_part_json(&in, &texts[1]);
	struct json with = fuzz_part_json(&in, &texts[2]);
	if (!with.s)
		with = JSON_LITERAL("{\"type\":\"t\"}");
	if (to.s && !needs_jq(to.s, to.n) && !needs_jq(with.s, with.n)) {
		char *tasks = xasprintf("[{\"e\":{\"emit\":{\"event\":{\"with\":%.*s}}}},"
					"{\"l\":{\"listen\":"
					"{\"to\":%.*s}}},{\"s\":{\"set\":{\"n\":1}}}]",
			(int)with.n, with.s, (int)to.n, to.s);
		struct definition *d = drive_compile(tasks, NULL);
		if (d && json_type(event) == JSON_OBJECT &&
			program_jq_count(d->program) == 0)
			drive(d, event);
		definition_unref(d);
		free(tasks);
	}
	for (int i = 0; i < 3; i++)
		free(texts[i]);
}
