/*
 * A run in memory, its replay, and its replay from a snapshot are the same. Each case
 * runs a definition to its end with scripted effects and a clock of its own, and keeps
 * every entry. Then, for every entry n, the run is rebuilt from entries 1..n, once by
 * replaying them and once from a snapshot taken there, and run on: it must write the very
 * same entries n+1, n+2, ...
 */
#include "advance.h"
#include "frames.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 400
#define T0 1795000000000000LL

struct trace {
	char *ops[ENTRIES_MAX];
	int64_t at[ENTRIES_MAX];
	int count;
};

struct scenario {
	const char *name, *tasks;   /* the value of `do` */
	const char *input, *expect; /* expect: output, or "" for a faulted run */
	const char *use;
};

static struct settings settings = {.allow_run = true};
static struct host host = {.settings = &settings};

static struct definition *compile(const struct scenario *s)
{
	struct definition *d;
	struct error err = {0};
	char *text = xasprintf(
		"{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"t\",\"name\":\"t\","
		"\"version\":\"1.0.0\"},\"use\":%s,\"do\":%s}",
		s->use ? s->use : "{}", s->tasks);
	if (!definition_create(text, strlen(text), NULL, &d, &err))
		ck_abort_msg("%s: %s", s->name, err.text);
	free(text);
	return d;
}

static struct run *fresh(struct definition *d, const char *input)
{
	struct uuid id = {{1, 2, 3}};
	struct value *v = value_create((struct json){input, strlen(input)});
	v->seq = 0;
	struct run *r = run_create(id, d, v, T0, T0);
	value_unref(v);
	r->seq = 2;
	return r;
}

/* The scripted world: the command "fail N" fails until attempt N, "echo X" gives "X". */
static void perform(struct run_effect *e)
{
	const struct json command =
		json_pointer(e->effect.task->node, "/run/shell/command");
	char *text = json_strdup(command);
	unsigned until = 0;
	e->done = true;
	if (sscanf(text, "fail %u", &until) == 1 && e->attempt <= until) {
		fault_set(effect_fault(&e->effect), PROBLEM_COMMUNICATION, "scripted");
		effect_fault(&e->effect)->status = 503;
	} else {
		e->effect.succeeded = e->effect.sent = true;
		json_put_text(&e->effect.output, text);
	}
	free(text);
}

/* The event that comes next is told by how many were taken: {"n": 0}, {"n": 1}, ... */
static void arrive(struct run *r)
{
	const struct frame *f = r->root;
	while (f && f->state != FRAME_LISTENING)
		f = frame_after(f, r->root);
	struct arrival *a = xcalloc(1, sizeof *a);
	struct buf b = {0};
	long long n = (long long)f->listening->count;
	buf_printf(&b,
		"{\"id\":\"%lld\",\"source\":\"/s\",\"type\":\"t\",\"data\":{\"n\":%lld,"
		"\"room\":7}}",
		n, n);
	a->path = xstrdup(f->path);
	a->reference = xstrdup(f->task->reference);
	a->source = xstrdup("/s");
	a->id = xasprintf("%lld", n);
	a->event = value_create((struct json){b.data, b.len});
	buf_finish(&b);
	listening_add(r, a);
}

/* Grants and performs one effect that waits; it is done when the run looks again. */
static void serve(struct run *r, int64_t now)
{
	struct frame *f = run_next_effect(r, true);
	if (!f)
		f = run_next_effect(r, false);
	if (f && f->state == FRAME_READY)
		perform(run_effect_create(r, f, &host, now));
	else if (f)
		f->granted = true;
}

/* One entry: advances until there is one; false when the run has ended. */
static bool next_entry(struct run *r, int64_t *now, char **ret_ops, int64_t *ret_at)
{
	r->durable_seq = r->seq;
	run_effects_forget(r);
	while (r->op_count == 0) {
		struct advance a = {.now = *now, .host = &host};
		serve(r, *now);
		unsigned need = run_advance(r, &a);
		if (r->op_count == 0 && need == NEED_NOTHING)
			return false;
		if (r->op_count == 0 && need == NEED_EVENT)
			arrive(r);
		if (r->op_count == 0 && need == NEED_TIMER)
			*now = run_due(r);
	}
	buf_putc(&r->ops, ']');
	*ret_ops = buf_take(&r->ops);
	*ret_at = r->at;
	r->op_count = 0;
	r->seq++;
	*now += 1000;
	return true;
}

static void run_out(struct run *r, int64_t now, struct trace *t)
{
	while (t->count < ENTRIES_MAX &&
		next_entry(r, &now, &t->ops[t->count], &t->at[t->count]))
		t->count++;
	ck_assert_int_lt(t->count, ENTRIES_MAX);
}

static void apply_entry(struct run *r, const struct trace *t, int n)
{
	struct json ops, text;
	struct error err = {0};
	ck_assert(json_check(t->ops[n], strlen(t->ops[n]), NULL, &ops, NULL, &err));
	struct json_iter it = json_iter(ops);
	r->at = t->at[n];
	for (unsigned i = 0; json_next_element(&it, &text); i++) {
		struct op op;
		if (!op_read(text, n + 3, i, &op, &err) || !run_apply(r, &op, &err))
			ck_abort_msg("entry %d, operation %u: %s", n, i, err.text);
		op_finish(&op);
	}
	r->seq++;
}

static struct json fetch(void *ctx, int64_t seq, unsigned op, const char *field)
{
	const struct trace *t = ctx;
	struct json ops;
	ck_assert_int_ge(seq, 3);
	ck_assert_int_lt(seq - 3, t->count);
	ck_assert(json_check(
		t->ops[seq - 3], strlen(t->ops[seq - 3]), NULL, &ops, NULL, NULL));
	return json_get(json_at(ops, op), field);
}

static struct run *from_snapshot(
	struct run *r, struct definition *d, const char *input, struct trace *t)
{
	struct buf b = {0};
	struct json snapshot;
	struct error err = {0};
	frames_write(r, &b);
	ck_assert(json_check(b.data, b.len, NULL, &snapshot, NULL, &err));
	struct run *copy = fresh(d, input);
	copy->seq = r->seq;
	if (!frames_restore(copy, snapshot, fetch, t, &err))
		ck_abort_msg("%s", err.text);
	buf_finish(&b);
	return copy;
}

static void finish(struct run *r)
{
	for (struct run_effect *e = run_effects_take(r), *next; e; e = next) {
		next = e->next;
		run_effect_destroy(e);
	}
	run_destroy(r);
}

static void compare(const char *name, const char *how, const struct trace *whole,
	int from, const struct trace *rest)
{
	for (int i = 0; i < rest->count; i++) {
		if (from + i >= whole->count ||
			strcmp(whole->ops[from + i], rest->ops[i]) != 0)
			ck_abort_msg("%s, %s of %d entries: entry %d is\n%s\nnot\n%s",
				name, how, from, from + i, rest->ops[i],
				from + i < whole->count ? whole->ops[from + i]
							: "(none)");
	}
	ck_assert_msg(from + rest->count == whole->count,
		"%s, %s of %d entries: %d follow", name, how, from, rest->count);
}

static void trace_finish(struct trace *t)
{
	for (int i = 0; i < t->count; i++)
		free(t->ops[i]);
}

static void go_on(const struct scenario *s, const char *how, struct run *r, int64_t now,
	const struct trace *whole, int n)
{
	struct trace rest = {0};
	run_out(r, now, &rest);
	compare(s->name, how, whole, n, &rest);
	trace_finish(&rest);
	finish(r);
}

static void check_scenario(const struct scenario *s)
{
	struct definition *d = compile(s);
	struct trace whole = {0};
	struct run *r = fresh(d, s->input);
	run_out(r, T0 + 1000, &whole);
	if (r->status == RUN_COMPLETED)
		ck_assert_msg(strcmp(value_json(r->output).s, s->expect) == 0,
			"%s gives %s", s->name, value_json(r->output).s);
	else
		ck_assert_msg(!*s->expect, "%s: status %d, error %s", s->name,
			(int)r->status, value_json(r->error).s);
	finish(r);
	for (int n = 0; n <= whole.count; n++) {
		struct run *replayed = fresh(d, s->input);
		for (int i = 0; i < n; i++)
			apply_entry(replayed, &whole, i);
		int64_t now = n ? whole.at[n - 1] + 1000 : T0 + 1000;
		if (replayed->status == RUN_RUNNING)
			go_on(s, "snapshot", from_snapshot(replayed, d, s->input, &whole),
				now, &whole, n);
		go_on(s, "replay", replayed, now, &whole, n);
	}
	trace_finish(&whole);
	definition_unref(d);
}

#define SH(name, command) \
	"{\"" name "\":{\"run\":{\"shell\":{\"command\":\"" command "\"}}}}"
#define SCHEMA(s) "{\"schema\":{\"document\":" s "}}"
#define RETRY(count)                                                              \
	"{\"delay\":{\"seconds\":5},\"backoff\":{\"exponential\":{}},\"limit\":{" \
	"\"attempt\":"                                                            \
	"{\"count\":" #count "}}}"

static const struct scenario scenarios[] = {
	{"three steps", "[" SH("a", "A") "," SH("b", "B") "," SH("c", "C") "]", "{}",
		"\"C\""},
	{"set, context, export",
		"[{\"a\":{\"set\":{\"x\":1},\"export\":{\"as\":\"{y: "
		".x}\"}}}," SH("b", "B") ",{\"c\":{\"set\":{\"z\":\"${ $context.y "
					 "}\",\"s\":\"${ $steps.b }\"}}}]",
		"{}", "{\"z\":1,\"s\":\"B\"}"},
	{"nested blocks and exit",
		"[{\"a\":{\"do\":[" SH(
			"b", "B") ",{\"c\":{\"set\":{\"k\":1},\"then\":\"exit\"}}"
				  "," SH("d", "D") "]}}," SH("e", "E") "]",
		"{}", "\"E\""},
	{"end inside blocks",
		"[{\"a\":{\"do\":[{\"b\":{\"do\":[" SH(
			"c", "C") ",{\"d\":{\"set\":{\"k\":1},\"then\":\"end\"}}]}}]}}"
				  "," SH("e", "E") "]",
		"{}", "{\"k\":1}"},
	{"loop of steps",
		"[{\"l\":{\"for\":{\"in\":\".n\",\"each\":\"e\",\"at\":\"i\"},"
		"\"do\":"
		"[" SH("s", "S") ",{\"t\":{\"set\":{\"e\":\"${ $e }\",\"i\":\"${ $i "
				 "}\"}}}]}}]",
		"{\"n\":[\"p\",\"q\",\"r\"]}", "{\"e\":\"r\",\"i\":2}"},
	{"loop in loop, while and exit",
		"[{\"o\":{\"for\":{\"in\":\"[1,2,3]\",\"each\":\"a\"},\"while\":"
		"\"$a < "
		"3\",\"do\":["
		"{\"i\":{\"for\":{\"in\":\"[7,8]\",\"each\":\"b\"},\"do\":[" SH(
			"s", "S") ",{\"t\":{\"set\":{\"v\":\"${ [$a,$b] "
				  "}\"},\"then\":\"exit\"}}]}}]}}]",
		"{}", "{\"v\":[2,7]}"},
	{"backward then",
		"[{\"z\":{\"set\":{\"n\":0}}},{\"a\":{\"set\":{\"n\":\"${ .n + 1 "
		"}\"}}},"
		"{\"b\":{\"run\":{\"shell\":{\"command\":\"B\"}},\"output\":{"
		"\"as\":\"$"
		"input\"}}},"
		"{\"c\":{\"switch\":[{\"x\":{\"when\":\".n < "
		"4\",\"then\":\"a\"}}]}}]",
		"{}", "{\"n\":4}"},
	{"retry goes on from the failed step",
		"[{\"t\":{\"try\":[" SH("a", "A") "," SH(
			"b", "fail 2") "],\"catch\":{\"retry\":" RETRY(3) "}}}]",
		"{}", "\"fail 2\""},
	{"retry of a block",
		"[{\"t\":{\"try\":[" SH(
			"a", "A") ",{\"s\":{\"set\":{\"z\":1}}},"
				  "{\"r\":{\"if\":\"$context.k | "
				  "not\",\"set\":{\"k\":1},\"export\":{\"as\":\"{k: "
				  "1}\"}}},"
				  "{\"x\":{\"if\":\".k == "
				  "1\",\"raise\":{\"error\":{\"type\":\"https://x/"
				  "e\",\"status\":418}}}}"
				  "],\"catch\":{\"retry\":" RETRY(
					  2) "}}},{\"e\":{\"set\":{\"ok\":true}}}]",
		"{}", "{\"ok\":true}"},
	{"an entry that fails is tried again",
		"[{\"t\":{\"try\":[" SH("a",
			"A") ",{\"x\":{\"if\":\".k == 1\",\"raise\":{"
			     "\"error\":{\"type\":\"https://x/"
			     "e\",\"status\":418}}}}],\"catch\":{\"as\":\"e\","
			     "\"retry\":" RETRY(2) ",\"do\":[{\"s\":{\"set\":{\"st\":\"${"
						   " $e.status }\"}}}]}}}]",
		"{}", "{\"st\":400}"},
	{"handler after spent retries",
		"[{\"t\":{\"try\":[" SH(
			"a", "fail 9") "],\"catch\":{\"as\":\"e\","
				       "\"retry\":" RETRY(1) ",\"do\":[" SH(
					       "h", "H") ",{\"s\":{\"set\":{"
							 "\"st\":\"${ "
							 "$e.status "
							 "}\"}}}]}}}]",
		"{}", "{\"st\":503}"},
	{"handler with a flow",
		"[{\"t\":{\"try\":[" SH("a", "fail 9") "],\"catch\":{\"do\":[" SH(
			"h", "H") "],\"then\":\"z\"}}}," SH("skipped", "no") "," SH("z",
			"Z") "]",
		"{}", "\"Z\""},
	{"try in try",
		"[{\"o\":{\"try\":[{\"i\":{\"try\":[" SH(
			"a", "fail 3") "],\"catch\":{\"errors\":{\"with\":{"
				       "\"status\":404}},"
				       "\"retry\":" RETRY(
					       2) "}}}],"
						  "\"catch\":{\"retry\":" RETRY(5) "}}}]",
		"{}", "\"fail 3\""},
	{"loop in a retried try",
		"[{\"t\":{\"try\":[{\"l\":{\"for\":{\"in\":\"[1,2,3]\"},\"do\":"
		"[" SH("s", "fail 1") "]}}],\"catch\":{\"retry\":" RETRY(5) "}}}]",
		"{}", "\"fail 1\""},
	{"an error in a handler goes out",
		"[{\"t\":{\"try\":[" SH("a", "fail 9") "],\"catch\":{\"do\":[" SH(
			"h", "fail 9") "]}}}]",
		"{}", ""},
	{"wait and timeout",
		"[{\"w\":{\"wait\":{\"hours\":2}}},{\"b\":{\"do\":[{\"v\":{"
		"\"wait\":"
		"\"PT1H\"}}],"
		"\"timeout\":{\"after\":{\"minutes\":1}}}}]",
		"{}", ""},
	{"timeout of a block is retried",
		"[{\"t\":{\"try\":[{\"b\":{\"do\":[" SH(
			"s", "S") ",{\"v\":{\"wait\":\"PT1H\"}}],\"timeout\":{"
				  "\"after\":{"
				  "\"minutes\":1}}}}],\"catch\":{"
				  "\"retry\":" RETRY(2) ",\"do\":[" SH("h", "H") "]}}}]",
		"{}", "\"H\""},
	{"a limit on attempts begins anew with an outer retry",
		"[{\"o\":{\"try\":[{\"i\":{\"try\":[{\"w\":{\"wait\":\"PT1H\"}}],"
		"\"catch\":{"
		"\"errors\":{\"with\":{\"status\":404}},\"retry\":{\"limit\":{"
		"\"attempt\":{"
		"\"duration\":\"PT1S\"}}}}}}],\"catch\":{\"as\":\"e\","
		"\"retry\":" RETRY(
			2) ",\"do\":["
			   "{\"s\":{\"set\":{\"st\":\"${ $e.status }\"}}}]}}}]",
		"{}", "{\"st\":408}"},
	{"the timeout of a try is not its own to catch",
		"[{\"t\":{\"try\":[{\"w\":{\"wait\":\"PT1H\"}}],\"timeout\":{"
		"\"after\":"
		"\"PT2S\"},"
		"\"catch\":{\"retry\":{\"limit\":{\"attempt\":{\"count\":3,"
		"\"duration\":"
		"\"PT10S\"}}},"
		"\"do\":[{\"s\":{\"set\":{\"k\":1}}}]}}}]",
		"{}", ""},
	{"a condition that fails is the error from there on",
		"[{\"o\":{\"try\":[{\"i\":{\"try\":[{\"x\":{\"raise\":{\"error\":"
		"{"
		"\"type\":\"https://x/e\","
		"\"status\":418}}}}],\"catch\":{\"when\":\".a.b\"}}}],\"catch\":{"
		"\"as\":"
		"\"e\",\"do\":["
		"{\"w\":{\"wait\":\"PT1H\"}},{\"s\":{\"set\":{\"st\":\"${ "
		"$e.status "
		"}\"}}}]}}}]",
		"{\"a\":1}", "{\"st\":400}"},
	{"empty lists and nulls",
		"[{\"e\":{\"do\":[]}},{\"f\":{\"for\":{\"in\":\".none\"},\"do\":"
		"[" SH("s", "S") "]}}," SH("z", "Z") "]",
		"{\"k\":1}", "\"Z\""},
	{"at most once steps",
		"[{\"a\":{\"run\":{\"shell\":{\"command\":\"A\"}},\"metadata\":{"
		"\"onUncertain\":"
		"\"fail\"}}},{\"b\":{\"run\":{\"shell\":{\"command\":\"B\"}},"
		"\"metadata\":{"
		"\"onUncertain\":\"hold\"}}}]",
		"{}", "\"B\""},
	{"input.from and output.as",
		"[{\"a\":{\"input\":{\"from\":\".deep\"},\"do\":[{\"b\":{\"set\":"
		"{\"v\":"
		"\"${ .x }\"}}}," SH("c", "C") "],\"output\":{\"as\":\"{got: ., "
					       "was: $input.x}\"}}}]",
		"{\"deep\":{\"x\":9007199254740993}}",
		"{\"got\":\"C\",\"was\":9007199254740993}"},
	{"functions in a loop, retried",
		"[{\"l\":{\"for\":{\"in\":\"[1,2]\",\"each\":\"e\"},\"do\":[{"
		"\"c\":{"
		"\"call\":\"f\",\"with\":{\"v\":\"${ $e }\"}}}]}}]",
		"{}", "{\"v\":2,\"s\":\"fail 1\"}",
		"{\"functions\":{\"f\":{\"try\":[" SH(
			"s", "fail 1") ",{\"k\":{\"call\":\"g\",\"with\":{\"s\":"
				       "\"${ . }\"}}}]"
				       ",\"catch\":{\"retry\":" RETRY(
					       2) "},\"output\":{\"as\":"
						  "\"{v: $input.v, s: .s}\"}},"
						  "\"g\":{\"set\":{\"s\":\"${ .s "
						  "}\"}}}}"},
	{"extensions around tasks",
		"[{\"a\":{\"run\":{\"shell\":{\"command\":\"A\"}},\"then\":\"c\"}"
		"}," SH("b", "B") ",{\"c\":{\"for\":{\"in\":\"[1,2]\"},\"do\":"
				  "[" SH("d", "D") "]}},{\"m\":{\"set\":{\"k\":2}"
						   "}},{\"e\":{\"if\":\"false\","
						   "\"set\":{\"k\":1}}}]",
		"{}", "{\"k\":1}",
		"{\"extensions\":[{\"x\":{\"extend\":\"all\",\"before\":[" SH(
			"p", "P") "],\"after\":[" SH("q",
			"Q") "]}},{\"y\":{\"extend\":\"set\","
			     "\"before\":[{\"z\":{\"set\":{\"k\":1},\"then\":"
			     "\"exit\"}}]}"
			     "},"
			     "{\"t\":{\"extend\":\"run\",\"when\":\"$task.name "
			     "== "
			     "\\\"a\\\"\","
			     "\"after\":[{\"w\":{\"wait\":\"PT1H\"}}]}}]}"},
	{"listen until a condition",
		"[{\"l\":{\"listen\":{\"to\":{\"any\":[{\"with\":{\"type\":\"t\"}"
		"}],"
		"\"until\":\"length > 2\"}}}}]",
		"{}",
		"[{\"n\":0,\"room\":7},{\"n\":1,\"room\":7},{\"n\":2,\"room\":7}"
		"]"},
	{"listen to all, correlated",
		"[{\"l\":{\"listen\":{\"to\":{\"all\":[{\"with\":{\"data\":{"
		"\"n\":0}},"
		"\"correlate\":{\"room\":{\"from\":\".data.room\"}}},{\"with\":{"
		"\"type\":"
		"\"t\"},\"correlate\":{\"room\":{\"from\":\".data.room\"}}}]}},"
		"\"output\":"
		"{\"as\":\"map(.n)\"}}}]",
		"{}", "[0,1]"},
	{"listen with foreach",
		"[{\"l\":{\"listen\":{\"to\":{\"any\":[],\"until\":\"length >= "
		"3\"}},"
		"\"foreach\":{\"item\":\"ev\",\"at\":\"i\",\"do\":[" SH(
			"s", "S") ",{\"w\":{"
				  "\"wait\":\"PT1H\"}},{\"t\":{\"set\":{\"n\":\"${ "
				  "$ev.n "
				  "}\",\"i\":\"${ $i }\"}}"
				  "}],\"output\":{\"as\":\".n + "
				  ".i\"},\"export\":{\"as\":\"{last: .}\"}}}},"
				  "{\"z\":{\"set\":{\"all\":\"${ . }\",\"c\":\"${ "
				  "$context }\"}}}]",
		"{}", "{\"all\":[0,2,4],\"c\":{\"last\":4}}"},
	{"foreach is left by exit",
		"[{\"l\":{\"listen\":{\"to\":{\"any\":[],\"until\":\"false\"}},"
		"\"foreach\":{"
		"\"do\":[{\"a\":{\"if\":\"$item.n == "
		"1\",\"set\":{\"k\":1},\"then\":"
		"\"exit\"}},{\"b\":{\"set\":{\"k\":0}}}]}}}]",
		"{}", "[{\"k\":0},{\"k\":1}]"},
	{"fork",
		"[{\"f\":{\"fork\":{\"branches\":[" SH("a", "A") "," SH(
			"b", "B") ","
				  "{\"c\":{\"set\":{\"k\":\"${ .n "
				  "}\"}}},{\"skipped\":{\"if\":\"false\",\"set\":"
				  "{\"z\":1}}}]}}},"
				  "{\"e\":{\"set\":{\"got\":\"${ . }\"}}}]",
		"{\"n\":7}", "{\"got\":[\"A\",\"B\",{\"k\":7},{\"n\":7}]}"},
	{"fork of blocks, loops and forks",
		"[{\"f\":{\"fork\":{\"branches\":["
		"{\"a\":{\"do\":[" SH("a1", "A1") "," SH("a2",
			"A2") "]}},"
			      "{\"b\":{\"for\":{\"in\":\"[1,2]\"},\"do\":[" SH("s",
				      "S") "]}},"
					   "{\"c\":{\"fork\":{\"branches\":[" SH("c1",
						   "C1") ",{\"c2\":{\"do\":[" SH("x",
						   "X") ",{\"w\":{\"wait\":"
							"\"PT1H\"}}," SH(
								"y", "Y") "]}}]}}}]}}}"
									  "]",
		"{}", "[\"A2\",\"S\",[\"C1\",\"Y\"]]"},
	{"competing branches",
		"[{\"f\":{\"fork\":{\"compete\":true,\"branches\":["
		"{\"a\":{\"do\":[" SH("a1", "A1") "," SH("a2", "A2") "," SH(
			"a3", "A3") "]}},"
				    "{\"b\":{\"do\":[" SH("b1", "B1") "," SH("b2",
					    "B2") "]}},"
						  "{\"c\":{\"wait\":\"PT1H\"}}]}}}," SH(
							  "z", "Z") "]",
		"{}", "\"Z\""},
	{"a branch that fails is caught outside",
		"[{\"t\":{\"try\":[{\"f\":{\"fork\":{\"branches\":["
		"{\"a\":{\"do\":[" SH("a1", "A1") "," SH(
			"a2", "fail 9") "]}},"
					"{\"b\":{\"do\":[" SH("b1", "B1") "," SH(
						"b2", "B2") "," SH("b3",
						"B3") "]}}]}}}],"
						      "\"catch\":{\"do\":[" SH(
							      "h", "H") "]}}}]",
		"{}", "\"H\""},
	{"a branch that fails is tried again, the others go on",
		"[{\"t\":{\"try\":[{\"f\":{\"fork\":{\"branches\":[" SH(
			"a", "fail 2") ",{\"b\":{\"do\":[" SH("b1", "B1") "," SH("b2",
			"fail 1") "]}},"
				  "{\"c\":{\"wait\":\"PT1M\"}}]}}}],\"catch\":{"
				  "\"retry\":" RETRY(5) "}}}]",
		"{}", "[\"fail 2\",\"fail 1\",{}]"},
	{"a branch that nobody catches faults the run",
		"[{\"f\":{\"fork\":{\"branches\":[" SH("a", "A") "," SH(
			"b", "fail 9") "," SH("c", "C") "]}}}]",
		"{}", ""},
	{"end inside a branch",
		"[{\"f\":{\"fork\":{\"branches\":[" SH(
			"a", "A") ",{\"b\":{\"do\":["
				  "{\"x\":{\"set\":{\"k\":1},\"then\":\"end\"}}]}"
				  "}]}}}," SH("z", "Z") "]",
		"{}", "{\"k\":1}"},
	{"timeout of a fork is retried",
		"[{\"t\":{\"try\":[{\"f\":{\"timeout\":{\"after\":\"PT1M\"},"
		"\"fork\":{\"branches\":[" SH("a",
			"A") ",{\"b\":{\"wait\":\"PT1H\"}},{\"c\":{\"do\":[{"
			     "\"w\":{\"wait\":\"PT50S\"}}," SH("d",
				     "D") "]}}]}}}],\"catch\":{"
					  "\"retry\":" RETRY(2) ",\"do\":"
								"[" SH("h", "H") "]}}}]",
		"{}", "\"H\""},
	{"at most once steps in a fork",
		"[{\"f\":{\"fork\":{\"branches\":["
		"{\"a\":{\"run\":{\"shell\":{\"command\":\"A\"}},\"metadata\":{"
		"\"onUncertain\":\"fail\"}}},"
		"{\"b\":{\"run\":{\"shell\":{\"command\":\"B\"}},\"metadata\":{"
		"\"onUncertain\":\"hold\"}}}"
		"]}}}]",
		"{}", "[\"A\",\"B\"]"},
	{"a raise in a branch repeats the block",
		"[{\"t\":{\"try\":[" SH("a", "A") ",{\"f\":{\"fork\":{\"branches\":[" SH(
			"b", "B") ","
				  "{\"r\":{\"raise\":{\"error\":{\"type\":\"https://x/"
				  "e\",\"status\":418}}}}]}}}],"
				  "\"catch\":{\"retry\":" RETRY(2) ",\"do\":[" SH(
					  "h", "H") "]}}}]",
		"{}", "\"H\""},
	{"an input that is refused is asked for again, then handled",
		"[{\"t\":{\"try\":[{\"a\":{\"input\":" SCHEMA(
			"false") ",\"run\":{"
				 "\"shell\":{\"command\":\"A\"}}}}],\"catch\":{"
				 "\"retry\":" RETRY(2) ",\"do\":[" SH(
					 "h", "H") "]}}}," SH("z", "Z") "]",
		"{}", "\"Z\""},
	{"an output that is refused is asked for again, then faults the run",
		"[" SH("b", "B") ",{\"t\":{\"try\":[{\"a\":{\"output\":" SCHEMA(
			"{\"const\":1}") ",\"run\":{\"shell\":{\"command\":\"A\"}}}}],"
					 "\"catch\":{\"retry\":" RETRY(2) "}}}]",
		"{}", ""},
	{"an output that is refused may be asked for once",
		"[{\"t\":{\"try\":[{\"a\":{\"output\":" SCHEMA(
			"false") ",\"run\":{\"shell\":{\"command\":\"A\"}},\"metadata\":{"
				 "\"onUncertain\":\"fail\"}}}],\"catch\":{"
				 "\"retry\":" RETRY(2) ",\"do\":[" SH("h", "H") "]}}}]",
		"{}", "\"H\""},
	{"a context that is refused is not the context",
		"[{\"t\":{\"try\":[{\"a\":{\"set\":{\"n\":1},\"export\":{\"as\":\".\","
		"\"schema\":{\"document\":false}}}}],\"catch\":{}}}," SH(
			"b", "B") ",{\"z\":{\"set\":\"${ $context }\"}}]",
		"{\"k\":1}", "{\"k\":1}"},
	{"checkpoints",
		"[{\"a\":{\"set\":{\"n\":1},\"metadata\":{\"checkpoint\":true}}},"
		"{\"b\":{\"set\":{\"n\":\"${ .n "
		"}\"},\"metadata\":{\"checkpoint\":true}}}]",
		"{}", "{\"n\":1}"},
};

START_TEST(replay_and_snapshot_go_on_like_the_live_run)
{
	check_scenario(&scenarios[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *tc = tcase_create("replay");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, replay_and_snapshot_go_on_like_the_live_run, 0,
		(int)(sizeof scenarios / sizeof *scenarios));
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
