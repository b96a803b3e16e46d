/*
 * What is valid, and can never do what its author means: metadata where nothing reads it,
 * members of a task that never gets there, errors that do not exist, time that is over at
 * once. Only what is certain is pointed out; what an expression decides is not judged.
 */
#include "definition/duration.h"
#include "definition/problem.h"
#include "validate/inspection.h"

#include <stdlib.h>
#include <string.h>

static void report(struct inspection *in, const struct spot *up, const char *key,
	struct json at, const char *text)
{
	struct buf name = {0};
	json_put_text(&name, key);
	struct spot place = {.up = up, .key = {name.data, name.len}};
	inspection_report(in, FINDING_WARNING, &place, at, "%s", text);
	buf_finish(&name);
}

/* ---- Metadata ---- */

enum kind {
	KIND_UNKNOWN = 0, /* misspelt, or not run by this runtime */
	KIND_PURE = 1 << 0,
	KIND_BLOCK = 1 << 1, /* with tasks in it */
	KIND_TRY = 1 << 2,
	KIND_RAISE = 1 << 3,
	KIND_FUNCTION = 1 << 4,
	KIND_HTTP = 1 << 5,    /* openapi too */
	KIND_JOURNAL = 1 << 6, /* sql on the journal's own database */
	KIND_SQL = 1 << 7,     /* on another one */
	KIND_PROCESS = 1 << 8,
	KIND_CHILD = 1 << 9,
};

#define KIND_EFFECTS (KIND_HTTP | KIND_JOURNAL | KIND_SQL | KIND_PROCESS | KIND_CHILD)
#define KIND_ALL \
	(KIND_EFFECTS | KIND_PURE | KIND_BLOCK | KIND_TRY | KIND_RAISE | KIND_FUNCTION)

static enum kind kind_of_call(struct json task, struct json name)
{
	static const char *const later[] = {"asyncapi", "grpc", "a2a", "mcp", NULL};
	if (json_string_is(name, "http") || json_string_is(name, "openapi"))
		return KIND_HTTP;
	if (json_string_is(name, "sql"))
		return json_get(json_get(task, "with"), "database").s ? KIND_SQL
								      : KIND_JOURNAL;
	return word_is_one(later, name) ? KIND_UNKNOWN : KIND_FUNCTION;
}

static enum kind kind_of(struct json task, struct json *ret_keyword)
{
	static const struct {
		const char *keyword;
		enum kind kind;
	} kinds[] = {{"call", KIND_FUNCTION}, {"for", KIND_BLOCK}, {"fork", KIND_BLOCK},
		{"emit", KIND_PURE}, {"listen", KIND_PURE}, {"raise", KIND_RAISE},
		{"run", KIND_PROCESS}, {"set", KIND_PURE}, {"switch", KIND_PURE},
		{"try", KIND_TRY}, {"wait", KIND_PURE}, {"do", KIND_BLOCK}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct json value = json_get(task, kinds[i].keyword);
		if (!value.s)
			continue;
		*ret_keyword = (struct json){kinds[i].keyword, strlen(kinds[i].keyword)};
		if (kinds[i].kind == KIND_FUNCTION)
			return kind_of_call(task, value);
		if (kinds[i].kind == KIND_PROCESS && json_get(value, "workflow").s)
			return KIND_CHILD;
		return kinds[i].kind;
	}
	return KIND_UNKNOWN;
}

/* Where each acts, and what is said where it does not. */
static const struct note {
	const char *name;
	unsigned acts;
	const char *text;
} notes[] = {
	{"onUncertain", /* the first */
		KIND_HTTP | KIND_SQL | KIND_PROCESS,
		"is for calls and run tasks, whose outcome may be lost"},
	{"keyWindow", KIND_EFFECTS,
		"is for calls and run tasks, which may be sent again"},
	{"onConflict", KIND_HTTP | KIND_CHILD, "is for calls that HTTP answers with 409"},
	{"idempotencyKey", KIND_HTTP,
		"is for the requests of call: http and call: openapi; elsewhere "
		"$task.stepId is the key"},
	{"retryPolicy", KIND_EFFECTS,
		"is for calls and run tasks; other tasks are retried by the \"catch\" of "
		"a try around them"},
	{"checkpoint", KIND_ALL & ~(unsigned)KIND_RAISE, "is for tasks that complete"},
	{"retry", KIND_TRY,
		"says how a try goes on; a policy of use.retries is named by "
		"\"retryPolicy\""},
};

static const struct note *find_note(struct json key)
{
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
		if (json_string_is(key, notes[i].name))
			return &notes[i];
	}
	return NULL;
}

static const char *advice(enum kind kind)
{
	if (kind == KIND_FUNCTION)
		return ": give it to the task in the function";
	return kind & (KIND_BLOCK | KIND_TRY) ? ": give it to the tasks in it" : "";
}

/* No attempt of these is ever uncertain. */
static void check_certain(struct inspection *in, enum kind kind, struct json value,
	const struct spot *place)
{
	if (!json_string_is(value, "retry"))
		inspection_report(in, FINDING_WARNING, place, place->key,
			"%s happens once, whatever dies: \"onUncertain\" has nothing to "
			"decide here",
			kind == KIND_CHILD ? "the start of a run"
					   : "a statement on the journal's own database");
}

static void check_note(struct inspection *in, enum kind kind, struct json keyword,
	struct json value, const struct spot *place)
{
	const struct note *note = find_note(place->key);
	if (!note || (note->acts & kind))
		return;
	if (note == &notes[0] && kind & (KIND_JOURNAL | KIND_CHILD)) {
		check_certain(in, kind, value, place);
		return;
	}
	const char *inside = note->acts & KIND_TRY ? "" : advice(kind);
	inspection_report(in, FINDING_WARNING, place, place->key,
		"\"%s\" has no effect on this %.*s%s; it %s", note->name, (int)keyword.n,
		keyword.s, inside, note->text);
}

/* Of a request that changes nothing no key is sent. */
static bool is_safe(struct json task)
{
	static const char *const safe[] = {"get", "head", "options", NULL};
	struct json method = json_get(json_get(task, "with"), "method");
	const char *near = word_nearest(safe, method);
	char *text = json_strdup(method);
	bool is = text && near && word_distance(text, near) == 0;
	free(text);
	return is;
}

static void check_metadata(struct inspection *in, struct json task, struct json metadata,
	const struct spot *place)
{
	struct json keyword = {0}, value;
	struct spot up = {.up = place, .key = JSON_LITERAL("\"metadata\"")};
	struct spot at = {.up = &up};
	struct json_iter it = json_iter(metadata);
	if (json_type(metadata) != JSON_OBJECT)
		return;
	enum kind kind = kind_of(task, &keyword);
	while (kind && json_next_member(&it, &at.key, &value)) {
		check_note(in, kind, keyword, value, &at);
		if (kind == KIND_HTTP && json_string_is(at.key, "idempotencyKey") &&
			json_type(value) == JSON_OBJECT && is_safe(task))
			inspection_report(in, FINDING_WARNING, &at, at.key,
				"only POST, PUT, PATCH and DELETE are sent with a key");
	}
}

void futile_check_document(
	struct inspection *in, struct json metadata, const struct spot *place)
{
	struct json_iter it = json_iter(metadata);
	struct spot at = {.up = place};
	struct json value;
	while (json_next_member(&it, &at.key, &value)) {
		const struct note *note = find_note(at.key);
		if (note && !(note->acts & (KIND_TRY | KIND_PURE)))
			inspection_report(in, FINDING_WARNING, &at, at.key,
				"\"%s\" has no effect here: it stands in the metadata of "
				"a task%s",
				note->name,
				strcmp(note->name, "retryPolicy") == 0
					? "; the policy of all calls is named by "
					  "\"retry\""
					: "");
	}
}

/* ---- Tasks that never get there ---- */

static void check_raise(struct inspection *in, struct json task, const struct spot *place)
{
	static const char *const after[] = {"then", "output", "export"};
	for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
		struct json v = json_get(task, after[i]);
		/* Who says that the run ends here says what comes of it. */
		if (v.s && !json_string_is(v, "end") && !json_string_is(v, "exit"))
			report(in, place, after[i], v,
				"a raise never completes: this has no effect; what "
				"follows is said in the \"catch\" of a try around it");
	}
}

/* ---- Errors ---- */

static bool is_own_status(const char *type, int64_t *ret)
{
	static const struct {
		const char *type;
		int status;
	} fixed[] = {{PROBLEM_BASE "configuration", 400},
		{PROBLEM_BASE "validation", 400}, {PROBLEM_BASE "expression", 400},
		{PROBLEM_BASE "authentication", 401}, {PROBLEM_BASE "authorization", 403},
		{PROBLEM_BASE "timeout", 408}};
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
		if (problem_type_equal(type, fixed[i].type)) {
			*ret = fixed[i].status;
			return true;
		}
	}
	return false;
}

/* Whether errors may come up that the runtime has not made: raised ones, those of other
 * runs, and those of functions. */
static bool may_be_foreign(const struct inspection *in)
{
	const char *s = in->text;
	if (in->function || strstr(s, "\"raise\"") || strstr(s, "\"workflow\""))
		return true;
	while ((s = strstr(s, "\"call\""))) {
		s += strlen("\"call\"");
		s += strspn(s, " \t\r\n:");
		if (strncmp(s, "\"http\"", 6) != 0 && strncmp(s, "\"sql\"", 5) != 0 &&
			strncmp(s, "\"openapi\"", 9) != 0)
			return true;
	}
	return false;
}

static void check_filter(
	struct inspection *in, struct json filter, const struct spot *place)
{
	struct json given = json_get(filter, "status");
	char *type = json_strdup(json_get(filter, "type"));
	struct spot at = {.up = place, .key = JSON_LITERAL("\"status\"")};
	int64_t status, own;
	if (type && json_int(given, &status) && is_own_status(type, &own) &&
		status != own && !may_be_foreign(in))
		inspection_report(in, FINDING_WARNING, &at, given,
			"no error has this type and this status: it has %lld; leave the "
			"status out, or the type",
			(long long)own);
	free(type);
}

static void check_catch(
	struct inspection *in, struct json caught, const struct spot *place)
{
	struct spot at = {.up = place, .key = JSON_LITERAL("\"catch\"")};
	struct spot errors = {.up = &at, .key = JSON_LITERAL("\"errors\"")};
	struct spot with = {.up = &errors, .key = JSON_LITERAL("\"with\"")};
	struct json filter = json_get(json_get(caught, "errors"), "with");
	if (filter.s)
		check_filter(in, filter, &with);
}

void futile_check_task(struct inspection *in, struct json task, const struct spot *place)
{
	struct json_iter it = json_iter(task);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		if (json_string_is(key, "metadata"))
			check_metadata(in, task, value, place);
		else if (json_string_is(key, "raise"))
			check_raise(in, task, place);
		else if (json_string_is(key, "catch"))
			check_catch(in, value, place);
	}
}

/* ---- Values ---- */

void futile_check_method(struct inspection *in, struct json v, const struct spot *place)
{
	static const char *const usual[] = {
		"get", "post", "put", "patch", "delete", "head", "options", NULL};
	/* Registered, and near a usual one. */
	static const char *const others[] = {"bind", "copy", "label", "link", "lock",
		"move", "ban", "pri", "purge", "search", "report", "query", "trace",
		NULL};
	char quoted[QUOTE_SIZE], *s = json_strdup(v);
	const char *near = word_nearest(usual, v), *other = word_nearest(others, v);
	bool is_other = other && word_distance(s, other) == 0;
	if (in->loose || strstr(s, "${"))
		near = NULL;
	else if (!text_has_format(s, strlen(s), FORMAT_HEADER) || strlen(s) > 32)
		inspection_report(in, FINDING_WARNING, place, v,
			"%s is no HTTP method: the step would fail",
			quote_json(v, quoted, sizeof quoted));
	else if (near && !is_other && word_distance(s, near) > 0)
		inspection_report(in, FINDING_WARNING, place, v,
			"%s is no usual HTTP method; did you mean \"%s\"?",
			quote_json(v, quoted, sizeof quoted), near);
	free(s);
}

void futile_check_timeout(
	struct inspection *in, struct json timeout, const struct spot *place)
{
	struct json after = json_get(timeout, "after");
	struct error why;
	int64_t usec;
	if (after.s && !memmem(after.s, after.n, "${", 2) &&
		duration_read(after, &usec, &why) && usec == 0)
		report(in, place, "after", after,
			"a timeout of no time is over before anything is done: to have "
			"none, leave \"timeout\" out");
}

/* The source of an expression with or without ${ }, blanks left out. */
static struct json source_of(const struct buf *b)
{
	const char *blanks = " \t\r\n", *s = buf_text(b);
	size_t n = b->len;
	s += strspn(s, blanks);
	n -= (size_t)(s - buf_text(b));
	while (n && strchr(blanks, s[n - 1]))
		n--;
	if (n > 2 && memcmp(s, "${", 2) == 0 && s[n - 1] == '}') {
		s += 2;
		n -= 3;
	}
	return (struct json){s, n};
}

void futile_check_items(struct inspection *in, struct json v, const struct spot *place)
{
	struct buf b = {0};
	json_string(v, &b);
	struct json source = source_of(&b), constant;
	if (json_check(source.s, source.n, NULL, &constant, NULL, NULL) &&
		json_type(constant) != JSON_ARRAY && json_type(constant) != JSON_NULL)
		inspection_report(in, FINDING_WARNING, place, v,
			"this is no list, and the loop would fail: a list is written "
			"\"${ [%.*s] }\"%s",
			constant.n > 40 ? 3 : (int)constant.n,
			constant.n > 40 ? "..." : constant.s,
			json_type(constant) == JSON_NUMBER
				? "; with range(N) in it, it has N turns"
				: "");
	buf_finish(&b);
}

void futile_check_strategy(
	struct inspection *in, struct json strategy, const struct spot *place)
{
	struct json all = json_get(strategy, "all");
	if (json_type(all) == JSON_ARRAY && json_count(all) == 0)
		report(in, place, "all", all,
			"without a filter it waits for nothing, and ends at once; "
			"whatever comes is \"any\": []");
}

void futile_check_run(struct inspection *in, struct json run, const struct spot *place)
{
	struct json ret = json_get(run, "return");
	if (json_is(json_get(run, "await"), "false") && ret.s &&
		!json_string_is(ret, "none"))
		report(in, place, "return", ret,
			"with \"await\": false nothing is returned: the output is the "
			"task's input");
}
