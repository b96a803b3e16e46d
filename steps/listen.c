/*
 * `listen`: until the events came that it waits for. Each that it takes is recorded at
 * once, before anything else is decided; what was read of them is its output. With
 * `foreach` each is handled before the next one is taken.
 */
#include "definition/data_schema.h"
#include "event/filter.h"
#include "run/complete.h"
#include "run/decision.h"

#include <stdlib.h>
#include <string.h>

#define FILTERS_MAX 64

enum strategy { LISTEN_ONE, LISTEN_ANY, LISTEN_ALL };
enum read_as { READ_DATA, READ_ENVELOPE, READ_RAW };

struct filters {
	enum strategy strategy;
	struct event_filter *list;
	size_t count;
	bool everything; /* any: [] */
};

struct listen {
	struct filters to, until;
	bool has_until;
	bool asks_for_the_time;       /* some filter may: it may change its mind */
	struct expression *condition; /* until as an expression, or NULL */
	enum read_as read;
	/* Of foreach. */
	struct expression *output_as, *export_as;
	const struct json_schema *output_schema, *export_schema;
};

static bool filters_compile(
	struct compiler *c, struct json node, struct filters *f, struct error *err)
{
	struct json one = json_get(node, "one"), any = json_get(node, "any");
	struct json list = any.s ? any : json_get(node, "all"), element;
	struct json_iter it = json_iter(list);
	f->strategy = one.s ? LISTEN_ONE : any.s ? LISTEN_ANY : LISTEN_ALL;
	size_t count = one.s ? 1 : json_count(list);
	f->everything = any.s && count == 0;
	if (count > FILTERS_MAX)
		return compiler_refuse(c, list, err, "more than %d filters", FILTERS_MAX);
	f->list = xcalloc(count + 1, sizeof *f->list);
	if (one.s)
		return event_filter_compile(c, one, &f->list[f->count++], err);
	while (json_next_element(&it, &element)) {
		if (!event_filter_compile(c, element, &f->list[f->count++], err))
			return false;
	}
	return true;
}

static bool foreach_data_compile(
	struct compiler *c, struct json node, struct listen *listen, struct error *err)
{
	struct json output = json_get(node, "output"), export = json_get(node, "export");
	return compiler_expression(c, json_get(output, "as"), EXPRESSION_BARE,
		       &listen->output_as, err) &&
	       compiler_expression(c, json_get(export, "as"), EXPRESSION_BARE,
		       &listen->export_as, err) &&
	       compiler_schema(
		       c, json_get(output, "schema"), &listen->output_schema, err) &&
	       compiler_schema(
		       c, json_get(export, "schema"), &listen->export_schema, err);
}

static bool foreach_compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json node = json_get(task->node, "foreach"), body = json_get(node, "do");
	if (!node.s)
		return true;
	task->item_name = json_strdup(json_get(node, "item"));
	task->index_name = json_strdup(json_get(node, "at"));
	if (!task->item_name)
		task->item_name = xstrdup("item");
	if (!task->index_name)
		task->index_name = xstrdup("index");
	return foreach_data_compile(c, node, task->spec, err) &&
	       (!body.s || compiler_list(c, task, "foreach/do", body, &task->body, err));
}

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json head = json_get(task->node, "listen"), to = json_get(head, "to");
	struct json until = json_get(to, "until"), read = json_get(head, "read");
	struct listen *listen = xcalloc(1, sizeof *listen);
	task->spec = listen;
	compiler_listens(c);
	task->listens = true;
	listen->read = json_string_is(read, "envelope") ? READ_ENVELOPE
		       : json_string_is(read, "raw")    ? READ_RAW
							: READ_DATA;
	if (!filters_compile(c, to, &listen->to, err))
		return false;
	if (json_type(until) == JSON_STRING &&
		!compiler_expression(c, until, EXPRESSION_BARE, &listen->condition, err))
		return false;
	listen->has_until = json_type(until) == JSON_OBJECT;
	listen->asks_for_the_time =
		memmem(to.s, to.n, "now", 3) || memmem(to.s, to.n, "\\u", 2);
	if (listen->has_until && !filters_compile(c, until, &listen->until, err))
		return false;
	return foreach_compile(c, task, err);
}

static void filters_finish(struct filters *f)
{
	for (size_t i = 0; i < f->count; i++)
		event_filter_finish(&f->list[i]);
	free(f->list);
}

static void discard(void *spec)
{
	struct listen *listen = spec;
	filters_finish(&listen->to);
	filters_finish(&listen->until);
	free(listen);
}

/* ---- Waiting ---- */

static bool describe(const struct filters *f, int64_t first, struct run_scope *s,
	struct buf *out, struct fault *fault)
{
	for (size_t i = 0; i < f->count; i++) {
		buf_puts(out, out->len > 1 ? "," : "");
		if (!event_filter_describe(
			    &f->list[i], first + (int64_t)i, s, out, fault))
			return false;
	}
	if (f->everything)
		buf_printf(out, "%s{\"filter\":%lld}", out->len > 1 ? "," : "",
			(long long)first);
	return true;
}

/* Adds a digest of all that the filters see but the event to what they wait for: a pass
 * with the same one decides alike. There is none where they may ask for the time. */
static void pin(const struct listen *listen, struct run_scope *s, struct buf *waits)
{
	struct buf seen = {0}, whole = {0};
	uint8_t sum[32];
	char hex[33];
	if (listen->asks_for_the_time || waits->len < 3)
		return;
	buf_add(&seen, waits->data, waits->len);
	for (size_t i = 0; i < listen->to.count; i++)
		event_filter_see(&listen->to.list[i], s, &seen);
	for (size_t i = 0; i < listen->until.count; i++)
		event_filter_see(&listen->until.list[i], s, &seen);
	digest_sha256(seen.data, seen.len, sum);
	digest_hex(sum, 16, hex);
	buf_printf(&whole, "[{\"pinned\":\"%s\",", hex);
	buf_add(&whole, waits->data + 2, waits->len - 2);
	buf_finish(&seen);
	buf_finish(waits);
	*waits = whole;
}

static enum progress enter(struct run *run, struct frame *frame)
{
	const struct listen *listen = frame->task->spec;
	struct run_scope s;
	struct fault fault = {0};
	struct buf b = {0};
	struct value *waits = NULL;
	buf_putc(&b, '[');
	run_scope_init(&s, run, frame, value_json(frame->input));
	bool ok = describe(&listen->to, 0, &s, &b, &fault) &&
		  (!listen->has_until ||
			  describe(&listen->until, LISTENING_UNTIL, &s, &b, &fault));
	buf_putc(&b, ']');
	if (ok) {
		pin(listen, &s, &b);
		waits = value_create((struct json){b.data, b.len});
	}
	run_scope_finish(&s);
	buf_finish(&b);
	return ok ? run_listen(run, frame, waits) : run_fail(run, frame, &fault);
}

/* ---- Taking ---- */

static struct json wait_of(const struct frame *frame, int64_t number)
{
	struct json_iter it = json_iter(value_json(frame->listening->waits));
	struct json wait;
	int64_t n;
	while (json_next_element(&it, &wait)) {
		if (json_int(json_get(wait, "filter"), &n) && n == number)
			return wait;
	}
	return (struct json){0};
}

/* One event, while it is held against the filters. */
struct looking {
	struct run_scope *scope;
	struct json event;
	struct event_budget budget;
};

/* The number of the filter that takes the event, or -1. */
static int64_t find_filter(const struct filters *f, int64_t first, uint64_t met,
	struct looking *look, struct value **correlated)
{
	struct run_scope *s = look->scope;
	const struct frame *frame = s->frame;
	if (f->everything)
		return first;
	for (size_t i = 0; i < f->count; i++) {
		int64_t number = first + (int64_t)i;
		if (f->strategy == LISTEN_ALL && (met >> i & 1))
			continue;
		if (event_filter_takes(&f->list[i], s, wait_of(frame, number),
			    look->event, &look->budget, correlated))
			return number;
	}
	return -1;
}

static struct json read_event(const struct listen *listen, struct json event)
{
	struct json data = json_get(event, "data");
	if (listen->read == READ_ENVELOPE)
		return event;
	if (!data.s)
		data = json_get(event, "data_base64");
	return data.s ? data : JSON_LITERAL("null");
}

/* What filters see besides the event is as it was when the task began to wait. */
static void see_pinned(struct run_scope *s, struct run *run, struct frame *frame)
{
	run_scope_init(s, run, frame, value_json(frame->input));
	s->scope.now = frame->started_at;
	if (frame->listening->context)
		s->context = value_json(frame->listening->context);
}

/* The filter that takes the event, in a listening where so much was met and bound. */
static int64_t decide(const struct listen *listen, struct looking *look, uint64_t met,
	uint64_t until_met, struct value **correlated)
{
	int64_t number = -1;
	if (listen->has_until)
		number = find_filter(
			&listen->until, LISTENING_UNTIL, until_met, look, correlated);
	return number >= 0 ? number : find_filter(&listen->to, 0, met, look, correlated);
}

/* Whether no pass with the same filters would take it, whatever that one has had. */
static bool is_refused_by_all(const struct listen *listen, struct looking *look)
{
	const struct listening *l = look->scope->frame->listening;
	struct value *correlated = NULL;
	if (l->met == 0 && l->until_met == 0 && !l->correlated)
		return true; /* that was it */
	int64_t number = decide(listen, look, 0, 0, &correlated);
	value_unref(correlated);
	return number < 0;
}

/* The event stays untaken, and somebody should know why. */
static void say_stopped(struct run *run, const struct frame *frame, struct json event)
{
	char *id = json_strdup(json_get(event, "id")),
	     *source = json_strdup(json_get(event, "source"));
	run_remark(run,
		"%s does not take the event \"%.100s\" of \"%.100s\": its regular "
		"expressions take more than %d steps on it",
		frame->path, id ? id : "", source ? source : "", EVENT_WORK);
	free(id);
	free(source);
}

/* False: what decides on it is not known yet. */
static bool receive(struct run *run, struct frame *frame, const struct arrival *a)
{
	const struct listen *listen = frame->task->spec;
	struct listening *l = frame->listening;
	struct json event = value_json(a->event);
	struct value *correlated = value_ref(l->correlated);
	struct run_scope s;
	struct op op = op_make(OP_RECEIVED, frame->path);
	struct looking look = {&s, event, {.work = EVENT_WORK}};
	see_pinned(&s, run, frame);
	op.index = decide(listen, &look, l->met, l->until_met, &correlated);
	bool refused = op.index < 0 && is_refused_by_all(listen, &look);
	run_scope_finish(&s);
	if (run_wants_answer(run)) {
		value_unref(correlated);
		return false;
	}
	run->costly = look.budget.work < EVENT_WORK / 2;
	if (op.index < 0 && look.budget.met)
		say_stopped(run, frame, event);
	if (op.index < 0)
		listening_refused(frame, a, refused);
	else if (op.index < LISTENING_UNTIL)
		op.values[OP_OUTPUT] = value_create(read_event(listen, event));
	if (correlated != l->correlated)
		op.values[OP_CORRELATED] = value_ref(correlated);
	value_unref(correlated);
	if (op.index < 0)
		return true;
	listening_took(run, frame, a);
	run_record(run, &op);
	return true;
}

static struct value *taken(const struct listening *l)
{
	struct buf b = {0};
	for (size_t i = 0; i < l->count; i++) {
		buf_putc(&b, i ? ',' : '[');
		json_put(&b, value_json(l->taken[i]));
	}
	buf_puts(&b, l->count ? "]" : "[]");
	struct value *v = value_create((struct json){b.data, b.len});
	buf_finish(&b);
	return v;
}

static bool all_met(const struct filters *f, uint64_t met)
{
	uint64_t all = f->count == 64 ? UINT64_MAX : ((uint64_t)1 << f->count) - 1;
	return f->strategy == LISTEN_ALL ? met == all : met != 0;
}

static bool is_over(struct run *run, struct frame *frame, bool *ret, struct fault *fault)
{
	const struct listen *listen = frame->task->spec;
	const struct listening *l = frame->listening;
	*ret = listen->has_until ? all_met(&listen->until, l->until_met)
				 : all_met(&listen->to, l->met);
	if (!listen->condition)
		return true;
	*ret = false;
	if (l->count == 0)
		return true;
	struct run_scope s;
	struct value *all = taken(l);
	run_scope_init(&s, run, frame, value_json(all));
	bool ok = run_scope_test(&s, listen->condition, ret, fault);
	run_scope_finish(&s);
	value_unref(all);
	return ok;
}

/* Takes what has arrived, one after the other, until it is enough. */
static enum progress listen_on(struct run *run, struct frame *frame)
{
	for (;;) {
		struct fault fault = {0};
		struct arrival *a;
		bool over;
		if (!is_over(run, frame, &over, &fault))
			return run_fail(run, frame, &fault);
		if (over)
			return run_complete(run, frame, taken(frame->listening), NULL);
		if (!(a = listening_pop(run, frame)))
			return PROGRESS_WAIT;
		if (!receive(run, frame, a)) {
			listening_put_back(run, a);
			return PROGRESS_WAIT;
		}
		arrivals_destroy(a);
		if (frame->state != FRAME_LISTENING || run->costly)
			return PROGRESS_AGAIN; /* foreach; others have their turn */
	}
}

/* ---- foreach ---- */

static bool transform(struct run *run, struct frame *frame, struct expression *e,
	struct json dot, struct value **ret, struct fault *fault)
{
	struct run_scope s;
	struct value *v;
	if (!e)
		return true;
	run_scope_init(&s, run, frame, dot);
	s.output = s.raw_output = dot;
	bool ok = run_scope_eval(&s, e, &v, fault);
	run_scope_finish(&s);
	if (ok)
		value_set(ret, v);
	return ok;
}

/* output.as and export.as of the iteration that has ended, and their schemas. */
static bool transform_result(struct run *run, struct frame *frame, struct value **output,
	struct value **context, struct fault *fault)
{
	const struct listen *l = frame->task->spec;
	return transform(run, frame, l->output_as, value_json(*output), output, fault) &&
	       data_schema_fits(l->output_schema, "output", value_json(*output), fault) &&
	       transform(run, frame, l->export_as, value_json(*output), context, fault) &&
	       data_schema_fits(l->export_schema, "context",
		       value_json(*context ? *context : run->context), fault);
}

static enum progress collect(struct run *run, struct frame *frame)
{
	struct fault fault = {0};
	struct value *output = value_ref(frame->cursor), *context = NULL;
	bool leaves = frame->exited;
	if (!transform_result(run, frame, &output, &context, &fault)) {
		value_unref(output);
		value_unref(context);
		return run_fail(run, frame, &fault);
	}
	struct op op = op_make(OP_COLLECTED, frame->path);
	op.values[OP_OUTPUT] = output;
	op.values[OP_CONTEXT] = context;
	run_record(run, &op);
	if (leaves)
		return run_complete(run, frame, taken(frame->listening), NULL);
	return PROGRESS_AGAIN;
}

static enum progress next(struct run *run, struct frame *frame)
{
	if (frame->state != FRAME_LISTENING)
		return collect(run, frame);
	if (frame->exited) /* collected, and left */
		return run_complete(run, frame, taken(frame->listening), NULL);
	return frame->listening->waits ? listen_on(run, frame) : enter(run, frame);
}

const struct task_kind task_listen = {.name = "listen",
	.compile = compile,
	.discard = discard,
	.enter = enter,
	.next = next};
