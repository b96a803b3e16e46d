/*
 * What people write by the habit of other languages, and what it means here: most of it
 * is valid, and none of it does what was meant.
 */
#include "definition/problem.h"
#include "jq/scan.h"
#include "validate/inspection.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text ---- */

static bool is_path_of_other_languages(const char *s)
{
	return s[0] == '$' && ((s[1] == '.' && (isalpha((unsigned char)s[2]) ||
						       s[2] == '_' || s[2] == '.')) ||
				      s[1] == '[');
}

/* The end of a name, of the brackets or quotes that may stand for one behind a dot. */
static const char *after_part(const char *p)
{
	if (*p == '[') {
		const char *end = strchr(p, ']');
		bool word = p[1] == '"', index = end && end[-1] != '[';
		size_t digits = strspn(p + 1, "-0123456789");
		return end && index && (word || p + 1 + digits == end) ? end + 1 : NULL;
	}
	if (!isalpha((unsigned char)*p) && *p != '_')
		return NULL;
	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	return p;
}

/* Whether all of it is parts of a path: .a.b[0]["c"]. */
static bool is_path(const char *p)
{
	while (p && *p) {
		p += *p == '.';
		p = after_part(p);
	}
	return p != NULL;
}

/* One name behind a dot is also what ends the name of a file. */
static bool is_ending(const char *s)
{
	static const char *const endings[] = {"7z", "bak", "bin", "bmp", "bz2", "c",
		"cfg", "conf", "cpp", "crt", "css", "csv", "db", "doc", "docx", "env",
		"exe", "gif", "git", "go", "gz", "h", "htm", "html", "ico", "ini", "java",
		"jpeg", "jpg", "jq", "js", "json", "jsonl", "key", "log", "md", "mp3",
		"mp4", "ndjson", "parquet", "pdf", "pem", "php", "png", "ps", "py", "rb",
		"rs", "rtf", "sh", "so", "sql", "ssh", "svg", "tar", "tgz", "tif", "tiff",
		"tmp", "toml", "ts", "tsv", "txt", "wav", "webp", "wfctl", "xls", "xlsx",
		"xml", "xz", "yaml", "yml", "zip", "zst", NULL};
	for (const char *const *e = endings; *e; e++) {
		if (strcasecmp(s + 1, *e) == 0)
			return true;
	}
	return false;
}

/* .order.id, or $input.id: a whole string that would be an expression, but for its
 * braces. */
static bool lacks_braces(const struct inspection *in, const char *s)
{
	struct buf name = {0};
	if (in->in_run) /* a file there, or a variable of the shell */
		return false;
	if (*s == '.')
		return after_part(s + 1) && is_path(s) && !is_ending(s);
	if (*s != '$' || !is_path(s + 1))
		return false;
	json_put_string(&name, s + 1, strcspn(s + 1, ".["));
	bool known =
		names_find(&in->arguments, (struct json){name.data, name.len}) != NULL;
	buf_finish(&name);
	return known;
}

void habit_check_text(
	struct inspection *in, const char *s, struct json v, const struct spot *place)
{
	if (lacks_braces(in, s)) {
		inspection_report(in, FINDING_WARNING, place, v,
			"this is plain text, \"%.64s\" as it stands: an expression is "
			"written ${ %.64s }",
			s, s);
		return;
	}
	if (strncmp(s, "{{", 2) == 0 && strstr(s, "}}"))
		inspection_report(in, FINDING_WARNING, place, v,
			"this is plain text: an expression is written ${ ... }, not {{ "
			"... }}");
	else if (is_path_of_other_languages(s))
		inspection_report(in, FINDING_WARNING, place, v,
			"this is plain text, and reads like JSONPath: an expression is "
			"written ${ .%.64s }, in jq",
			s + 1 + strspn(s + 1, "."));
}

/* ---- Conditions ---- */

static bool is_mark(struct jqtoken t, const char *marks)
{
	return t.kind == JQTOKEN_MARK && strchr(marks, *t.s);
}

/* Where the last part of the pipeline assigns, NULL if it does not. */
static const char *find_assignment(char *s, size_t n)
{
	struct jqlexer l;
	struct jqtoken t, before = {JQTOKEN_END, "", 0};
	const char *found = NULL;
	jqlexer_init(&l, s, n);
	do {
		t = jqlexer_next(&l);
		bool joined = before.kind == JQTOKEN_MARK && before.s + 1 == t.s;
		if (l.depth || t.kind != JQTOKEN_MARK) {
			before = t;
			continue;
		}
		if (*t.s == '=' && t.s[1] != '=' && !(joined && is_mark(before, "=!<>")))
			found = joined && is_mark(before, "|+-*/%") ? before.s : t.s;
		else if (*t.s == '|' && t.s[1] != '=')
			found = NULL;
		before = t;
	} while (t.kind != JQTOKEN_END && t.kind != JQTOKEN_FAULT);
	return found;
}

/* "${ .n } > 5" is text, which is neither false nor null. */
static bool check_template(
	struct inspection *in, struct buf *b, struct json v, const struct spot *place)
{
	const char *blanks = " \t\r\n";
	size_t at = 0, n = 0, before = strspn(b->data, blanks);
	if (strncmp(b->data + before, "${", 2) != 0 ||
		!jqscan_find(b->data, b->len, &at, &n) || n == SIZE_MAX)
		return false;
	const char *rest = b->data + at + n + 1;
	rest += strspn(rest, blanks);
	if (!*rest)
		return false;
	inspection_report(in, FINDING_WARNING, place,
		(struct json){json_string_place(v, (size_t)(rest - b->data)), 1},
		"with this behind it, \"${ }\" gives text, which always holds: the "
		"whole condition stands inside of it, or without it");
	return true;
}

/* `.x = 1` gives the data back with another x: neither false nor null. */
void habit_check_condition(struct inspection *in, struct json v, const struct spot *place)
{
	struct buf b = {0};
	json_string(v, &b);
	char *s = b.data;
	size_t at = 0, n = b.len;
	if (s && check_template(in, &b, v, place))
		s = NULL;
	else if (s && jqscan_find(s, b.len, &at, &n) && n != SIZE_MAX)
		s += at;
	const char *assigns = s && n != SIZE_MAX ? find_assignment(s, n) : NULL;
	size_t offset = assigns ? (size_t)(assigns - b.data) : 0;
	if (assigns)
		inspection_report(in, FINDING_WARNING, place,
			(struct json){json_string_place(v, offset), 1},
			"this assigns, and gives all the data back, which always "
			"holds%s",
			*assigns == '=' ? "; did you mean \"==\"?" : "");
	buf_finish(&b);
}

/* ---- Endpoints ---- */

static bool may_begin(const char *s, const char *scheme)
{
	size_t n = strcspn(s, "{$"), m = strlen(scheme);
	return strncasecmp(s, scheme, n < m ? n : m) == 0;
}

/* Whether what stands behind the scheme, if anything does that is known, is no host. */
static bool lacks_host(const char *s)
{
	const char *scheme_end = strstr(s, "://");
	return scheme_end && strncasecmp(s, "http", 4) == 0 &&
	       scheme_end < s + strcspn(s, "{$") && strchr("/:?#", scheme_end[3]);
}

void habit_check_url(
	struct inspection *in, struct json v, const struct spot *place, bool file)
{
	char quoted[QUOTE_SIZE], *s = json_strdup(v);
	bool known = s && (may_begin(s, "http://") || may_begin(s, "https://") ||
				  (file && may_begin(s, "file://")));
	if (s && !in->loose && !known)
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"must begin with http://%s https://%s, not %s",
			file ? "," : " or", file ? " or file://" : "",
			quote_json(v, quoted, sizeof quoted));
	if (known && !in->loose && lacks_host(s))
		inspection_report(
			in, FINDING_UNSUPPORTED, place, v, "the URL has no host");
	free(s);
}

/* ---- Errors and events ---- */

void habit_check_error(struct inspection *in, struct json v, const struct spot *place)
{
	char *type = json_strdup(v);
	const char *meant = type ? problem_type_meant(type) : NULL;
	/* A workflow may raise what it likes, and catch it. */
	bool own = meant && strcmp(type, meant) == 0 &&
		   strstr(in->text, "\"raise\"") != NULL;
	if (meant && !own)
		inspection_report(in, FINDING_WARNING, place, v,
			"no standard error has this type; did you mean " PROBLEM_BASE
			"%s?",
			meant);
	free(type);
}

/* Attributes of one's own are allowed, but one letter from a known name they are a slip.
 */
void habit_check_event(
	struct inspection *in, struct json v, const struct spot *place, bool awaited)
{
	static const char *const known[] = {"type", "source", "subject", "time", "data",
		"datacontenttype", "dataschema", NULL};
	struct json_iter it = json_iter(v);
	struct spot at = {.up = place};
	struct json value;
	bool slip = false;
	while (json_next_member(&it, &at.key, &value)) {
		char *name = json_strdup(at.key);
		const char *near = word_nearest(known, at.key);
		if (near && name && strcmp(name, near) != 0 && !json_get(v, near).s &&
			word_distance(name, near) <= 1) {
			slip = true;
			inspection_report(in, FINDING_WARNING, &at, at.key,
				"this is an attribute of your own; did you mean \"%s\"?",
				near);
		}
		free(name);
	}
	if (awaited && !slip && !json_get(v, "type").s && !json_get(v, "source").s)
		inspection_report(in, FINDING_WARNING, place, v,
			"without \"type\" every event is looked at, whatever it is "
			"about");
}

/* ---- try ---- */

static bool catches_timeouts(struct json filter)
{
	int64_t status;
	char *type = json_strdup(json_get(filter, "type"));
	bool timeout = type && problem_type_equal(type, PROBLEM_BASE "timeout");
	free(type);
	return timeout ||
	       (json_int(json_get(filter, "status"), &status) && status == 408);
}

static bool has_timeouts(struct json list)
{
	struct json_iter it = json_iter(list), member;
	struct json item, key, task;
	while (json_type(list) == JSON_ARRAY && json_next_element(&it, &item)) {
		member = json_iter(item);
		if (json_type(item) == JSON_OBJECT &&
			json_next_member(&member, &key, &task) &&
			json_get(task, "timeout").s)
			return true;
	}
	return false;
}

/* The timeout of a try goes past its own catch. */
void habit_check_try(struct inspection *in, struct json task, const struct spot *place)
{
	struct json timeout = json_get(task, "timeout");
	struct json errors = json_get(json_get(task, "catch"), "errors");
	struct spot at = {.up = place, .key = JSON_LITERAL("\"timeout\"")};
	if (!timeout.s || !catches_timeouts(json_get(errors, "with")) ||
		has_timeouts(json_get(task, "try")))
		return;
	inspection_report(in, FINDING_WARNING, &at, timeout,
		"the timeout of a try is not caught by its own catch, only by one "
		"around it: to catch it here, give it to the tasks in the try");
}
