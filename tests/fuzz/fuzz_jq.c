/*
 * Expressions that libjq evaluates. Whatever they do, they end in time, with JSON or with
 * a reason. libjq takes 20 ms to compile anything at all, so most inputs chain filters
 * that are compiled once, each on what one before it gave; of a few, chosen by their
 * hash, a grammar makes expressions, and one of these that is plain must give what libjq
 * gives.
 */
#include "fuzz.h"

#include "expression/path.h"
#include "jq/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNITS 4
#define FILTERS 256
#define CHAIN 6
#define COMPILED_ONE_OF 1024
#define DEPTH 5

struct source {
	const uint8_t *p, *end;
};

static unsigned next(struct source *in, unsigned limit)
{
	return in->p < in->end ? *in->p++ % limit : 0;
}

static const char *const leaves[] = {".", ".", ".a", ".b", ".a.b", ".[0]", ".[-1]",
	".[\"a b\"]", ".a[1].b", "$context", "$context.y", "$item", "$steps.charge.id",
	"0", "1", "-1", "2.50", "1e1000", "-0", "9007199254740993", "3", "1e18", "null",
	"true", "false", "\"\"", "\"a\"", "\"b,c\"", "\"%Y-%m-%dT%H:%M:%SZ\"",
	"\"2015-03-05T23:51:47Z\"", "\"[1,{\\\"a\\\":2}]\"", "\"\\u0000\\ud83d\\ude00x\"",
	"[]", "{}", "[1,2,[3]]", "{\"a\":{\"b\":[1,null]}}", "infinite", "nan", "now",
	"empty", "..", ".[]", ".[]?", "$__loc__", "\"(a+)+$\"", "\"[\"", "\"x\\(.a)y\"",
	"@base64", "@json \"v\\(.b)\"", "keys", "input", "env"};

/* Functions of no arguments, that read `.`. */
static const char *const functions[] = {"length", "utf8bytelength", "not", "keys",
	"keys_unsorted", "values", "nulls", "add", "any", "all", "flatten", "range(3)",
	"floor", "sqrt", "tostring", "tonumber", "type", "infinite", "isinfinite",
	"isnan", "isnormal", "sort", "min", "max", "unique", "reverse", "explode",
	"implode", "ascii_downcase", "ascii_upcase", "recurse", "transpose", "first",
	"last", "tojson", "fromjson", "error", "to_entries", "from_entries", "paths",
	"leaf_paths", "todate", "fromdate", "gmtime", "mktime", "localtime", "tostream",
	"fromstream(tostream)", "getpath([\"a\",0])", "combinations", "@text", "@csv",
	"@tsv", "@html", "@uri", "@sh", "@base64", "@base64d", "log", "exp10",
	"significand", "gamma", "frexp", "modf", "trunc", "round", "ceil", "halt",
	"input_line_number", "splits(\"a\")", "objects", "scalars", "env", "builtins",
	"ltrimstr(\"a\")", "join(\",\")", "min_by(.a)", "group_by(.)",
	"unique_by(length)", "walk(.)", "limit(2; .[])", "first(.[])", "path(..)",
	"del(.[0])", "to_entries[0]", "getpath([])", "@json", "tojson|fromjson",
	"get_search_list", "error(null)", "drem(1;0)", "ldexp(1;2)", "scalb(1;2)",
	"nearbyint", "logb", "cbrt", "pow(2;10)", "atan2(1;2)", "fma(1;2;3)",
	"modulemeta", "strptime(\"%Y\")", "strftime(\"%Y\")", "strflocaltime(\"%H\")",
	"todateiso8601", "fromdateiso8601", "getpath(1)", "delpaths([[0]])",
	"tojson|explode|implode", "ascii_downcase|explode", "splits(\"\")"};

/* Functions of one and two arguments. */
static const char *const unary[] = {"map", "select", "has", "contains", "inside",
	"startswith", "endswith", "ltrimstr", "rtrimstr", "split", "join", "sort_by",
	"group_by", "min_by", "max_by", "unique_by", "any", "all", "flatten", "range",
	"recurse", "test", "match", "capture", "scan", "splits", "index", "rindex",
	"indices", "in", "getpath", "paths", "path", "del", "delpaths", "to_entries|map",
	"with_entries", "walk", "first", "last", "isempty", "error", "strftime",
	"strptime", "strflocaltime", "bsearch", "map_values", "tostream|select",
	"fromstream", "truncate_stream", "todate|ltrimstr", "combinations",
	"@base64d|test", "leaf_paths|select", "limit(3; repeat", "tojson|test",
	"error|try error"};
static const char *const binary[] = {"sub", "gsub", "split", "setpath", "limit", "until",
	"while", "range", "recurse", "any", "all", "test", "match", "capture", "splits",
	"pow", "atan2", "ldexp", "nth", "drem", "IN", "INDEX", "fmin", "fmod", "hypot",
	"frexp|ldexp", "input|sub"};
static const char *const operators[] = {") + (", ") - (", ") * (", ") / (", ") % (",
	") == (", ") != (", ") < (", ") <= (", ") and (", ") or (", ") // (", ") | (",
	"), (", ") |= (", ") += (", ") -= (", ") *= (", ") //= (", ") = (",
	") as $x | $x + (", ") as [$x, {a: $y}] | ("};

#define PICK(in, list) ((list)[next(in, sizeof(list) / sizeof *(list))])

static void put(struct source *in, unsigned depth, struct buf *out);

static void put_call(struct source *in, unsigned depth, struct buf *out)
{
	bool two = next(in, 3) == 0;
	const char *name = two ? PICK(in, binary) : PICK(in, unary);
	buf_printf(out, "%s(", name);
	put(in, depth, out);
	if (two) {
		buf_puts(out, "; ");
		put(in, depth, out);
	}
	buf_putc(out, ')');
	if (strchr(name, '(')) /* it has opened one more */
		buf_putc(out, ')');
}

/* Around one, two or three expressions. */
static void put_form(struct source *in, unsigned depth, struct buf *out)
{
	static const char *const forms[][4] = {{"[", "]"}, {"(", ")"}, {"{a: ", "}"},
		{"{(", "|tostring): ", "}"}, {"if ", " then ", " else . end"},
		{"if ", " then ", " elif . then 1 else ", " end"},
		{"try (", ") catch ", ""}, {"(", ")?"},
		{"reduce ", " as $x (", "; . + $x)"},
		{"foreach ", " as $x (0; ", "; [., $x])"}, {"(", ") as $x | ", ""},
		{"def f: ", "; f | ", ""}, {"def f(g): g | ", "; f(", ")"},
		{"label $l | (", " | ., break $l)"}, {"\"p\\(", ")q\""}, {".[", "]"},
		{".[", ":", "]"}, {"-(", ")"}, {"limit(5; ", ")"},
		{"[limit(9; ", ")] | ", ""},
		{"def f: if . > 9 then ", " else . + 1 | f end; f"}, {"path(", ")"},
		{". as {a: $x, b: [$y]} | ", " + $x"}, {"getpath([", "])"},
		{"@uri \"a\\(", ")\""}, {"first(", ")"}, {"(", ") |= ", ""},
		{"[range(", ")] | length"}, {"(", ") * ", ""}, {"([", "] | implode)"},
		{"tojson | .[", ":", "]"}, {"[.[]? | ", "] | add"}, {"to_entries | ", ""},
		{"{\"a\": ", ", \"b\": ", "}"}, {"{a, \"b\": ", ", $item}"},
		{"$context | ", ""}, {"# comment\n", ""}, {"until(. == null; ", ")"}};
	const char *const *form = PICK(in, forms);
	buf_putc(out, '(');
	for (int i = 0; i < 4 && form[i]; i++) {
		buf_puts(out, form[i]);
		if (i < 3 && form[i + 1])
			put(in, depth, out);
	}
	buf_putc(out, ')');
}

static void put(struct source *in, unsigned depth, struct buf *out)
{
	unsigned kind = next(in, 16);
	if (depth == 0 || kind < 5) {
		buf_puts(out, PICK(in, leaves));
	} else if (kind < 8) {
		buf_puts(out, "((");
		put(in, depth - 1, out);
		buf_puts(out, PICK(in, operators));
		put(in, depth - 1, out);
		buf_puts(out, "))");
	} else if (kind < 11) {
		buf_putc(out, '(');
		put(in, depth - 1, out);
		buf_printf(out, " | %s)", PICK(in, functions));
	} else if (kind < 13) {
		put_call(in, depth - 1, out);
	} else {
		put_form(in, depth - 1, out);
	}
}

/* ---- Evaluating ---- */

static const char *const dots[] = {"null",
	"{\"a\":{\"b\":[1,2.50,9007199254740993]},\"b\":3}",
	"[{\"a\":1,\"b\":\"x\"},{\"a\":2},[null,true],\"a b\"]", "\"a,b\\u0000c\"",
	"1e300", "{\"a b\":[[],{}],\"a\":[1,{\"b\":-0}],\"b\":\"2015-03-05T23:51:47Z\"}",
	"[\"a\",1114112,-1,65,1e9]", "[[1,2],[3,4]]", "{\"start\":1,\"end\":null}", "-7",
	"[3,1,2,\"b\",\"a\",null,{\"k\":1}]", "1425599621.678"};

static bool lookup(void *ctx, const char *name, struct json *ret)
{
	(void)ctx;
	if (strcmp(name, "context") == 0)
		*ret = JSON_LITERAL("{\"y\":1.50,\"list\":[{\"id\":1}]}");
	else if (strcmp(name, "steps") == 0)
		*ret = JSON_LITERAL("{\"charge\":{\"id\":7}}");
	else if (strcmp(name, "item") == 0)
		*ret = JSON_LITERAL("\"it\"");
	else
		return false;
	return true;
}

struct sample {
	char *node, *jq_node; /* JSON strings; the program borrows them */
	char *source;
	struct expression *expression, *by_jq; /* by_jq: the same, never plain */
};

static bool eval(struct expression *e, const struct scope *scope, struct buf *out,
	struct error *err)
{
	if (!expression_eval(e, scope, out, err)) {
		must(err->kind == ERROR_INPUT && *err->text && out->len == 0,
			"no reason");
		return false;
	}
	fuzz_must_be_json(out->data, out->len, "a result");
	return true;
}

static struct scope scope_of(const char *dot)
{
	return (struct scope){{dot, strlen(dot)}, 1700000000500000, lookup, NULL};
}

static char *quote(const char *source, const char *after)
{
	struct buf node = {0};
	char *whole = xasprintf("%s%s", source, after);
	json_put_text(&node, whole);
	free(whole);
	return buf_take(&node);
}

static struct expression *add(struct program *p, const char *node)
{
	struct expression *e;
	struct error err = {0};
	must(program_add(p, (struct json){node, strlen(node)}, EXPRESSION_BARE, &e, &err),
		"%s: %s", node, err.text);
	return e;
}

static void on_fault(void *ctx, struct json node, size_t at, const char *message)
{
	(void)ctx;
	must(node.s && *message && at <= node.n, "a fault without a place or a message");
	if (getenv("FUZZ_TRACE"))
		fprintf(stderr, "%.*s: %s\n", (int)node.n, node.s, message);
}

static bool is_plain(const char *source)
{
	struct jqscan scan = {0};
	struct path plain = {0};
	char *copy = xstrdup(source);
	jqscan_read(&scan, copy, strlen(copy));
	bool plain_too = !*scan.fault && path_parse(copy, strlen(copy), &plain);
	if (plain_too)
		path_finish(&plain);
	jqscan_finish(&scan);
	free(copy);
	return plain_too;
}

/* Numbers lose digits in libjq, so both results go through it once more. */
static void compare(struct program *p, const struct sample *s, const char *dot)
{
	struct buf plain = {0}, jq = {0}, again = {0};
	struct error err = {0}, other = {0};
	static const char same[] = "\". | .\"";
	struct scope scope = scope_of(dot), by_plain;
	bool ok = eval(s->expression, &scope, &plain, &err);
	bool ok_jq = eval(s->by_jq, &scope, &jq, &other);
	must(ok == ok_jq, "%s on %s: %s%s, by jq %s%s", s->source, dot, buf_text(&plain),
		err.text, buf_text(&jq), other.text);
	if (ok) {
		by_plain = scope_of(plain.data);
		must(eval(add(p, same), &by_plain, &again, &err), "%s", err.text);
		must(strcmp(buf_text(&again), buf_text(&jq)) == 0,
			"%s on %s: %s, by jq %s", s->source, dot, buf_text(&again),
			buf_text(&jq));
	}
	buf_finish(&plain);
	buf_finish(&jq);
	buf_finish(&again);
}

static void check_test(struct expression *e, const char *dot)
{
	struct scope scope = {{dot, strlen(dot)}, 0, lookup, NULL};
	struct error err = {0};
	bool truth;
	if (!expression_test(e, &scope, &truth, &err))
		must(*err.text, "no reason");
}

static void run(struct program *p, struct sample *samples, size_t n, struct source *in)
{
	(void)program_check(p, on_fault, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *dot = PICK(in, dots);
		struct buf out = {0};
		struct error err = {0};
		if (samples[i].by_jq) {
			compare(p, &samples[i], dot);
			continue;
		}
		struct scope scope = scope_of(dot);
		(void)eval(samples[i].expression, &scope, &out, &err);
		check_test(samples[i].expression, dot);
		buf_finish(&out);
	}
}

static void fuzz_grammar(struct source *in)
{
	struct program_options options = {.timeout_ms = 300, .result_bytes = 1 << 16};
	struct program *p = program_create(&options);
	struct sample samples[UNITS] = {0};
	size_t count = 0;
	add(p, "\". | .\"");
	for (; count < UNITS && in->p < in->end; count++) {
		struct buf source = {0};
		struct sample *s = &samples[count];
		put(in, DEPTH, &source);
		s->source = buf_take(&source);
		s->node = quote(s->source, "");
		s->expression = add(p, s->node);
		if (is_plain(s->source)) {
			s->jq_node = quote(s->source, " | .");
			s->by_jq = add(p, s->jq_node);
		}
	}
	run(p, samples, count, in);
	program_destroy(p);
	for (size_t i = 0; i < count; i++) {
		free(samples[i].node);
		free(samples[i].jq_node);
		free(samples[i].source);
	}
}

/* ---- Chains ---- */

/* What the last filters gave, newest last. */
struct chain {
	struct buf values[CHAIN + 3];
	size_t count;
};

static bool lookup_value(void *ctx, const char *name, struct json *ret)
{
	const struct chain *c = ctx;
	const struct buf *v = &c->values[c->count - (strcmp(name, "item") == 0 ? 3 : 2)];
	*ret = (struct json){v->data, v->len};
	return strcmp(name, "item") == 0 || strcmp(name, "context") == 0;
}

/* Filters of `.` and of $context and $item, what two before it gave. They live as long as
 * the process. */
struct filters {
	struct program *program;
	struct expression *list[FILTERS];
	size_t count;
};

static void filters_add(struct filters *f, const char *format, const char *name)
{
	char *source = xasprintf("%s", format), *at = strchr(source, '~');
	char *whole = at ? xasprintf("%.*s%s%s", (int)(at - source), source, name, at + 1)
			 : xstrdup(source);
	char *node = quote(whole, " | .");
	must(f->count < FILTERS, "%zu filters", f->count);
	f->list[f->count++] = add(f->program, node);
	free(whole);
	free(source);
}

/* Each group when its first one is evaluated: now, so that no input pays for it. */
static void filters_compile(const struct filters *f)
{
	struct chain c = {.count = 3};
	struct buf out = {0};
	struct error err;
	struct scope scope = {JSON_LITERAL("null"), 0, lookup_value, &c};
	for (size_t i = 0; i < 3; i++)
		buf_puts(&c.values[i], "null");
	for (size_t i = 0; i < f->count; i++)
		must(expression_eval(f->list[i], &scope, &out, &err) || *err.text,
			"no reason");
	for (size_t i = 0; i < 3; i++)
		buf_finish(&c.values[i]);
	buf_finish(&out);
}

static const struct filters *filters(void)
{
	static const char *const of_two[] = {"+", "-", "*", "/", "%", "==", "<"};
	static const char *const others[] = {".[$context]", ".[$context:$item]",
		".[$context]?", ".[]?", "[.[]?]", "[$context, $item]",
		"setpath($context; $item)", "getpath($context)", "del(.[$context])",
		"delpaths([$context])", ".[$context] |= $item", ".[$context:] = $item",
		"{a: ., b: $item}", "[limit(20; range($context; $item; .))]",
		"[limit(5; recurse)]", "[match($context; \"g\")] | length",
		"gsub($context; \"<\\(.)>\")", "[splits($context; $item)]",
		"test($context; $item)", "[paths]", "(.. |= .)", "to_entries",
		"with_entries(.value |= $item)", "try error catch .",
		"[foreach .[]? as $x (0; . + 1; [., $x])]",
		"reduce .[]? as $x (null; . + $x)", "[.[]? as [$x, {a: $y}] | $x]", "nan",
		"infinite", "-infinite", "now", "null", "\"a,b\"", "[3,1,2]",
		"{\"a\":{\"b\":[1,null]}}", "1e18", "-1"};
	static struct filters f;
	if (f.program)
		return &f;
	f.program = program_create(
		&(struct program_options){.timeout_ms = 20, .result_bytes = 1 << 14});
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (!strstr("halt env input_line_number get_search_list modulemeta",
			    functions[i]))
			filters_add(&f, functions[i], "");
	for (size_t i = 0; i < sizeof unary / sizeof *unary; i++)
		if (!strchr(unary[i], '('))
			filters_add(&f, "[limit(9; ~($context))]", unary[i]);
	for (size_t i = 0; i < sizeof of_two / sizeof *of_two; i++)
		filters_add(&f, ". ~ $context", of_two[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		filters_add(&f, others[i], "");
	filters_compile(&f);
	return &f;
}

static void fuzz_chain(struct source *in)
{
	const struct filters *f = filters();
	struct chain c = {.count = 3};
	for (size_t i = 0; i < 3; i++)
		buf_puts(&c.values[i], PICK(in, dots));
	while (c.count < CHAIN + 3 && in->p < in->end) {
		const struct buf *dot = &c.values[c.count - 1];
		struct buf *out = &c.values[c.count];
		struct expression *e = f->list[next(in, (unsigned)f->count)];
		struct scope scope = {
			{dot->data, dot->len}, 1700000000500000, lookup_value, &c};
		struct error err = {0};
		if (!eval(e, &scope, out, &err))
			buf_puts(out, PICK(in, dots));
		c.count++;
	}
	for (size_t i = 0; i < c.count; i++)
		buf_finish(&c.values[i]);
}

void fuzz_jq(const char *data, size_t n)
{
	struct source in = {(const uint8_t *)data, (const uint8_t *)data + n};
	if (fuzz_hash(data, n) % COMPILED_ONE_OF == 0)
		fuzz_grammar(&in);
	else
		fuzz_chain(&in);
}
