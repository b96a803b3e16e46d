/*
 * Operations and snapshots, member by member: each stands in its table, and what is
 * written is read back equal, for one member at a time and for random trees of frames.
 */
#include "run/doubt.h"
#include "run/snapshot.h"
#include "run/snapshot_table.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The tables are whole ---- */

/* real: an object whose padding is zero, and nothing else. */
static void check_table(const char *name, const struct member *table,
	const unsigned char *real, size_t size)
{
	unsigned char *told = calloc(size, 1);
	for (const struct member *m = table; m->name; m++) {
		for (const struct member *n = table; n != m; n++)
			ck_assert_msg(n->offset != m->offset,
				"%s: \"%s\" stands at the place of \"%s\"", name, m->name,
				n->name);
		memset(told + m->offset, 1, m->size);
	}
	for (size_t i = 0; i < size; i++)
		ck_assert_msg(told[i] || !real[i],
			"struct %s: its member at byte %zu is in no table", name, i);
	free(told);
}

#define CHECK_TABLE(type, table)                                                      \
	do {                                                                          \
		struct type object;                                                   \
		memset(&object, 0xff, sizeof object);                                 \
		__builtin_clear_padding(&object);                                     \
		check_table(                                                          \
			#type, table, (const unsigned char *)&object, sizeof object); \
	} while (0)

START_TEST(every_member_stands_in_its_table)
{
	CHECK_TABLE(op, op_members);
	CHECK_TABLE(run, run_members);
	CHECK_TABLE(frame, frame_members);
	CHECK_TABLE(listening, listening_members);
}
END_TEST

/* ---- One member, one value: another one each time ---- */

static struct value *some_value(unsigned n)
{
	char text[64];
	snprintf(text, sizeof text, "{\"n\":%u,\"t\":\"\\\"}~/\\u0007\xc3\xa9\"}", n);
	return value_create((struct json){text, strlen(text)});
}

static void set_member(const struct member *m, void *object, unsigned n)
{
	void *p = (char *)object + m->offset;
	char text[32];
	switch (m->kind) {
	case MEMBER_FLAG:
	case MEMBER_BIT: *(bool *)p = true; break;
	case MEMBER_COUNT: *(unsigned *)p = 1 + n; break;
	case MEMBER_NUMBER: *(int64_t *)p = 1795000000000001 + n; break;
	case MEMBER_TEXT:
		snprintf(text, sizeof text, "/do/%u/\"a}{\\~1\xc3\xa9", n);
		*(char **)p = strdup(text);
		break;
	case MEMBER_DIGEST:
		for (unsigned i = 0; i < 16; i++)
			((uint8_t *)p)[i] = (uint8_t)(n * 37 + i * 11);
		*(bool *)((char *)object + m->flag) = true;
		break;
	case MEMBER_VALUE: *(struct value **)p = some_value(n); break;
	case MEMBER_OWN:
	case MEMBER_NONE: break;
	}
}

static void same_value(const char *name, const struct value *a, const struct value *b)
{
	ck_assert_msg(!a == !b, "%s: one is absent", name);
	ck_assert_msg(!a || strcmp(a->s, b->s) == 0, "%s: %s is not %s", name,
		a ? a->s : "", b ? b->s : "");
}

static void same_members(const struct member *table, const void *a, const void *b)
{
	for (const struct member *m = table; m->name; m++) {
		const void *x = (const char *)a + m->offset,
			   *y = (const char *)b + m->offset;
		if (m->kind == MEMBER_VALUE)
			same_value(m->name, *member_value(m, a), *member_value(m, b));
		else if (m->kind == MEMBER_TEXT)
			ck_assert_pstr_eq(*(char *const *)x, *(char *const *)y);
		else if (m->kind != MEMBER_OWN && m->kind != MEMBER_NONE)
			ck_assert_msg(memcmp(x, y, m->size) == 0,
				"%s is not read as it was written", m->name);
	}
}

/* Written and read, it is the same; `written`: as a member of its name. */
static void check_op(struct op *op, const char *written)
{
	struct buf text = {0};
	struct json v;
	struct op back;
	struct error err = {0};
	op_write(op, 7, 3, &text);
	ck_assert_msg(json_check(text.data, text.len, NULL, &v, NULL, &err), "%s: %s",
		err.text, text.data);
	ck_assert_msg(
		!written || json_get(v, written).s, "%s lacks %s", text.data, written);
	if (!op_read(v, 7, 3, &back, &err))
		ck_abort_msg("%s: %s", text.data, err.text);
	ck_assert_int_eq(op->kind, back.kind);
	ck_assert_int_eq(op->has_digest, back.has_digest);
	same_members(op_members, op, &back);
	op_finish(&back);
	buf_finish(&text);
}

START_TEST(each_kind_of_operation_has_a_name)
{
	for (int kind = OP_CREATED; kind <= OP_COLLECTED; kind++) {
		struct op op = op_make((enum op_kind)kind, NULL);
		ck_assert_ptr_nonnull(op_name(op.kind));
		ck_assert_ptr_nonnull(op_entry_kind(&op));
		check_op(&op, "op");
	}
}
END_TEST

START_TEST(each_member_of_an_operation_is_read_as_it_was_written)
{
	struct op all = op_make(OP_STARTED, NULL);
	unsigned n = 0;
	for (const struct member *m = op_members; m->name; m++, n++) {
		struct op one = op_make(OP_COMPLETED, NULL);
		set_member(m, &one, n);
		set_member(m, &all, n);
		check_op(&one, m->kind < MEMBER_OWN ? m->name : NULL);
		op_finish(&one);
	}
	check_op(&all, NULL);
	op_finish(&all);
}
END_TEST

START_TEST(a_damaged_operation_is_refused)
{
	static const char *const damaged[] = {"{}", "{\"op\":\"none\"}", "{\"op\":1}",
		"{\"op\":\"started\",\"path\":\"/do/0/a\",\"digest\":\"00\"}",
		"{\"op\":\"started\",\"path\":\"/do/0/a\","
		"\"digest\":\"0000000000000000000000000000000g\"}"};
	for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
		struct error err = {0};
		struct op op;
		struct json v;
		ck_assert(
			json_check(damaged[i], strlen(damaged[i]), NULL, &v, NULL, NULL));
		ck_assert_msg(!op_read(v, 1, 0, &op, &err), "%s", damaged[i]);
		ck_assert_int_eq(err.kind, ERROR_PERMANENT);
	}
}
END_TEST

/* ---- Random trees ---- */

static const char document[] =
	"{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"t\",\"name\":\"t\",\"version\":"
	"\"1.0.0\"},"
	"\"do\":[{\"f}{\":{\"fork\":{\"branches\":[{\"a/~[#!\":{\"do\":[{\"w\":{\"wait\":"
	"\"PT1H\"}},{\"s \\\" \\\\\":{\"run\":{\"shell\":{\"command\":\"x\"}}}}]}},"
	"{\"b\":{\"for\":{\"in\":\".\"},\"do\":[{\"t\":{\"try\":[{\"u\":{\"run\":{"
	"\"shell\":{\"command\":\"y\"}}}}],\"catch\":{\"do\":[{\"v\":{\"wait\":\"PT1S\"}}"
	","
	"{\"x\":{\"fork\":{\"compete\":true,\"branches\":[{\"m\":{\"wait\":\"PT1H\"}},{"
	"\"n\":{\"do\":[{\"o\":{\"wait\":\"PT1H\"}}]}}]}}}]}}}]}},"
	"{\"l\":{\"listen\":{\"to\":{\"any\":[]}},\"foreach\":{\"do\":[{\"i\":{\"run\":{"
	"\"shell\":{\"command\":\"z\"}}}},{\"j\":{\"wait\":\"PT1H\"}}]}}},"
	"{\"c\":{\"run\":{\"workflow\":{\"namespace\":\"n\",\"name\":\"c\",\"version\":"
	"\"1.0.0\"}}}}]}}},{\"z\":{\"wait\":\"PT1H\"}}]}";

struct chance {
	uint64_t state;
	unsigned values;
};

static unsigned draw(struct chance *c, unsigned n)
{
	c->state = c->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(c->state >> 33) % n;
}

static struct value *draw_value(struct chance *c)
{
	return some_value(c->values++);
}

/* Members of its own are left to those who know them. */
static void draw_members(struct chance *c, const struct member *table, void *object)
{
	for (const struct member *m = table; m->name; m++) {
		if (draw(c, 2) && m->kind != MEMBER_VALUE && m->kind != MEMBER_TEXT)
			set_member(m, object, draw(c, 1000));
	}
}

static void draw_values(struct chance *c, const struct member *table, void *object)
{
	for (const struct member *m = table; m->name; m++) {
		if (m->kind == MEMBER_VALUE && draw(c, 2))
			value_set(member_value(m, object), draw_value(c));
	}
}

static uint32_t *draw_visits(struct chance *c, const struct task_list *list)
{
	if (!list || !draw(c, 2))
		return NULL;
	uint32_t *visits = calloc(list->count ? list->count : 1, sizeof *visits);
	for (size_t i = 0; i < list->count; i++)
		visits[i] = draw(c, 5);
	return visits;
}

static void draw_listening(struct chance *c, struct frame *f)
{
	struct listening *l = f->listening = calloc(1, sizeof *l);
	draw_members(c, listening_members, l);
	draw_values(c, listening_members, l);
	l->count = draw(c, 4);
	l->taken = calloc(l->count * 2 + 1, sizeof *l->taken);
	for (size_t i = 0; i < l->count; i++)
		l->taken[i] = draw_value(c);
	if (draw(c, 2) && f->task->body) {
		value_set(&l->item, draw_value(c));
		f->iteration = draw(c, 5);
		f->item = value_json(l->item);
	}
}

/* It is in one of its lists: which, and what of it has come. */
static void draw_list(struct chance *c, struct frame *f)
{
	f->opened = f->task->body && draw(c, 4);
	f->in_handler = f->opened && f->task->handler && draw(c, 2);
	f->position = f->exited = 0;
	if (f->opened) {
		f->list = f->in_handler ? f->task->handler : f->task->body;
		f->position = draw(c, (unsigned)f->list->count + 1);
		if (f->position == (int64_t)f->list->count)
			f->position = NEXT_EXIT;
	}
	f->visits[0] = draw_visits(c, f->task->body);
	f->visits[1] = draw_visits(c, f->task->handler);
	if (f->opened && f->list->concurrent) {
		f->outputs = calloc(f->list->count, sizeof *f->outputs);
		for (size_t i = 0; i < f->list->count; i++)
			f->outputs[i] = draw(c, 2) ? draw_value(c) : NULL;
	}
	for (unsigned i = draw(c, 3); i; i--) {
		struct value *v = draw_value(c);
		char name[24];
		snprintf(name, sizeof name, "k%u \"}\\", i);
		frame_keep_step(f, name, v);
		value_unref(v);
	}
	if (draw(c, 3) == 0)
		f->leave = (int64_t)draw(c, 4) - 2;
}

/* A state in which such a frame can be. */
static void draw_state(struct chance *c, struct frame *f)
{
	bool effect = f->task->kind->effect;
	enum frame_state states[9];
	unsigned n = 0;
	f->open = f->open && effect;
	f->retrying = f->retrying || !f->task->kind->next;
	states[n++] = FRAME_ENTER;
	states[n++] = FRAME_HELD;
	states[n++] = FRAME_WAITING;
	if (effect && f->answer)
		states[n++] = FRAME_ANSWERED;
	if (effect)
		states[n++] = FRAME_READY;
	if (effect)
		states[n++] = FRAME_QUEUED;
	if (f->listening)
		states[n++] = FRAME_LISTENING;
	if (f->opened)
		states[n++] = FRAME_NEXT;
	f->state = states[draw(c, n)];
}

static void draw_frame(struct chance *c, struct frame *f)
{
	static const char items[] = "[\"p\",{\"q\":[1]},7]";
	draw_members(c, frame_members, f);
	draw_values(c, frame_members, f);
	value_set(&f->items, NULL);
	value_set(&f->raw, draw_value(c));
	value_set(&f->input, draw_value(c));
	value_set(&f->cursor, draw_value(c));
	if (f->task->item_name && !f->task->listens && draw(c, 2)) {
		value_set(&f->items, value_create(JSON_LITERAL(items)));
		ck_assert(frame_set_iteration(f, draw(c, 3)));
	}
	if (f->task->listens && draw(c, 2))
		draw_listening(c, f);
	draw_list(c, f);
	draw_state(c, f);
}

/* Those children that such a frame can have. */
static void draw_children(struct chance *c, struct frame *f)
{
	if (!f->opened)
		return;
	for (size_t i = 0; i < f->list->count; i++) {
		if (f->list->concurrent ? !draw(c, 3) : (int64_t)i != f->position)
			continue;
		char *path = frame_child_path(f, i, 1 + draw(c, 3));
		struct frame *child = frame_push(f->agenda, f, &f->list->tasks[i], path);
		draw_frame(c, child);
		draw_children(c, child);
	}
}

static void same_list(const struct frame *a, const struct frame *b)
{
	size_t counts[] = {a->task->body ? a->task->body->count : 0,
		a->task->handler ? a->task->handler->count : 0};
	ck_assert_ptr_eq(a->list, b->list);
	ck_assert_int_eq(a->leave, b->leave);
	ck_assert_int_eq(a->iteration, b->iteration);
	ck_assert_int_eq(a->item.n, b->item.n);
	ck_assert(!a->item.n || memcmp(a->item.s, b->item.s, a->item.n) == 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(!a->visits[i], !b->visits[i]);
		ck_assert(!a->visits[i] || memcmp(a->visits[i], b->visits[i],
						   counts[i] * sizeof **a->visits) == 0);
	}
	ck_assert_int_eq(!a->outputs, !b->outputs);
	for (size_t i = 0; a->outputs && i < a->list->count; i++)
		same_value("an output", a->outputs[i], b->outputs[i]);
	ck_assert_int_eq(a->step_count, b->step_count);
	for (size_t i = 0; i < a->step_count; i++) {
		ck_assert_str_eq(a->steps[i].name, b->steps[i].name);
		same_value("a step", a->steps[i].output, b->steps[i].output);
	}
}

static void same_frame(const struct frame *a, const struct frame *b)
{
	ck_assert_str_eq(a->path, b->path);
	ck_assert_ptr_eq(a->task, b->task);
	ck_assert_int_eq(a->state, b->state);
	ck_assert_int_eq(a->has_digest, b->has_digest);
	same_members(frame_members, a, b);
	same_list(a, b);
	ck_assert_int_eq(!a->listening, !b->listening);
	if (!a->listening)
		return;
	same_members(listening_members, a->listening, b->listening);
	ck_assert_int_eq(a->listening->count, b->listening->count);
	for (size_t i = 0; i < a->listening->count; i++)
		same_value("an event", a->listening->taken[i], b->listening->taken[i]);
}

static struct json no_entry(void *ctx, int64_t seq, unsigned op, const char *field)
{
	(void)ctx;
	(void)seq;
	(void)op;
	(void)field;
	return (struct json){0};
}

static struct run *create(struct definition *d)
{
	struct uuid id = {{1}};
	struct value *input = value_create(JSON_LITERAL("{}"));
	struct run *r = run_create(id, d, input, 1, 1);
	value_unref(input);
	return r;
}

static struct run *draw_run(struct chance *c, struct definition *d)
{
	struct run *r = create(d);
	draw_members(c, run_members, r);
	r->context = draw_value(c);
	r->error = draw_value(c);
	r->status = draw(c, 2) ? RUN_RUNNING : RUN_SUSPENDED;
	r->root = frame_push(&r->agenda, NULL, &d->root, strdup(""));
	draw_frame(c, r->root);
	draw_children(c, r->root);
	for (unsigned i = draw(c, 4); i; i--)
		doubt_note(
			r, &d->root.body->tasks[draw(c, (unsigned)d->root.body->count)]);
	if (draw(c, 2)) {
		r->failed = r->root;
		for (struct frame *f;
			draw(c, 3) && (f = frame_after(r->failed, r->root));)
			r->failed = f;
	}
	return r;
}

static void check_run(struct chance *c, struct definition *d)
{
	struct run *r = draw_run(c, d), *back = create(d);
	struct buf text = {0};
	struct json snapshot;
	struct error err = {0};
	frames_write(r, &text);
	ck_assert(json_check(text.data, text.len, NULL, &snapshot, NULL, NULL));
	if (!frames_restore(back, snapshot, no_entry, NULL, &err))
		ck_abort_msg("%s: %s", err.text, text.data);
	ck_assert_int_eq(r->status, back->status);
	ck_assert_int_eq(!r->failed, !back->failed);
	if (r->failed)
		ck_assert_str_eq(r->failed->path, back->failed->path);
	ck_assert_int_eq(r->doubts.len, back->doubts.len);
	ck_assert(!r->doubts.len ||
		  memcmp(r->doubts.data, back->doubts.data, r->doubts.len) == 0);
	same_members(run_members, r, back);
	const struct frame *a = r->root, *b = back->root;
	for (; a && b; a = frame_after(a, r->root), b = frame_after(b, back->root))
		same_frame(a, b);
	ck_assert(!a && !b);
	buf_finish(&text);
	run_destroy(back);
	run_destroy(r);
}

START_TEST(random_trees_are_read_as_they_were_written)
{
	struct error err = {0};
	struct definition *d;
	if (!definition_create(document, sizeof document - 1, NULL, &d, &err))
		ck_abort_msg("%s", err.text);
	struct chance c = {.state = (uint64_t)_i};
	for (int i = 0; i < 50; i++)
		check_run(&c, d);
	definition_unref(d);
}
END_TEST

/* ---- What another version wrote ---- */

static bool restore(struct definition *d, const char *text, struct error *err)
{
	struct run *r = create(d);
	struct json snapshot;
	ck_assert(json_check(text, strlen(text), NULL, &snapshot, NULL, NULL));
	bool ok = frames_restore(r, snapshot, no_entry, NULL, err);
	run_destroy(r);
	return ok;
}

#define ROOT_OF(run, frame)                                                              \
	"{" run "\"status\":0,\"context\":{\"v\":1},\"open\":[{\"path\":\"\","           \
	"\"opened\":1,\"raw\":{\"v\":1},\"input\":{\"v\":1},\"cursor\":{\"v\":1}," frame \
	"}]}"
#define ROOT(frame) ROOT_OF("", frame)

START_TEST(a_state_that_is_not_known_is_refused)
{
	struct definition *d;
	struct error err = {0};
	ck_assert(definition_create(document, sizeof document - 1, NULL, &d, NULL));
	ck_assert(restore(d, ROOT("\"state\":1"), &err));
	ck_assert(restore(d, ROOT("\"state\":1,\"stands\":\"next\",\"leaves\":1"), &err));
	ck_assert(!restore(d, ROOT("\"state\":1,\"stands\":\"dreaming\""), &err));
	ck_assert(strstr(err.text, "does not know"));
	ck_assert(!restore(d, ROOT("\"state\":99"), &err));
	ck_assert(!restore(d, ROOT("\"state\":-1"), &err));
	definition_unref(d);
}
END_TEST

/* The next snapshot would be without it. `step_count` and `host` are ours, and in no
 * snapshot that we write. */
START_TEST(a_member_that_is_not_known_is_refused)
{
	static const struct {
		const char *snapshot, *name;
	} members[] = {
		{ROOT("\"state\":1,\"later\":7"), "later"},
		{ROOT("\"state\":1,\"later\":{\"v\":1}"), "later"},
		{ROOT("\"state\":1,\"step_count\":1"), "step_count"},
		{ROOT_OF("\"later\":[3,0,\"output\"],", "\"state\":1"), "later"},
		{ROOT_OF("\"host\":\"x\",", "\"state\":1"), "host"},
	};
	struct definition *d;
	ck_assert(definition_create(document, sizeof document - 1, NULL, &d, NULL));
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		struct error err = {0};
		ck_assert_msg(!restore(d, members[i].snapshot, &err), "%s",
			members[i].snapshot);
		ck_assert_int_eq(err.kind, ERROR_PERMANENT);
		ck_assert_ptr_nonnull(strstr(err.text, members[i].name));
	}
	definition_unref(d);
}
END_TEST

START_TEST(states_keep_their_words_and_numbers)
{
	static const char *const words[] = {"enter", "next", "ready", "queued", "active",
		"waiting", "held", "listening"};
	for (int i = 0; i < 8; i++) {
		const struct state_word *w = frame_words;
		while (w->word && strcmp(w->word, words[i]) != 0)
			w++;
		ck_assert_msg(w->word && w->number == i, "%s", words[i]);
	}
	for (const struct state_word *w = frame_words; w->word; w++)
		ck_assert(w->number < 8 || w->number == NO_NUMBER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("frames");
	TCase *tc = tcase_create("frames");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_member_stands_in_its_table);
	tcase_add_test(tc, each_kind_of_operation_has_a_name);
	tcase_add_test(tc, each_member_of_an_operation_is_read_as_it_was_written);
	tcase_add_test(tc, a_damaged_operation_is_refused);
	tcase_add_loop_test(tc, random_trees_are_read_as_they_were_written, 0, 8);
	tcase_add_test(tc, a_state_that_is_not_known_is_refused);
	tcase_add_test(tc, a_member_that_is_not_known_is_refused);
	tcase_add_test(tc, states_keep_their_words_and_numbers);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
