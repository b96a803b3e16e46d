/* Operations to text and back: one table of kinds and one of members, for both ways. */
#include "journal/op.h"

#include <stdlib.h>

static const char *const names[] = {
	[OP_CREATED] = "created",
	[OP_CLAIMED] = "claimed",
	[OP_STARTED] = "started",
	[OP_ITERATION] = "iteration",
	[OP_OPENED] = "opened",
	[OP_SKIPPED] = "skipped",
	[OP_COMPLETED] = "completed",
	[OP_FAULTED] = "faulted",
	[OP_WAITING] = "waiting",
	[OP_RETRY] = "retry",
	[OP_CAUGHT] = "caught",
	[OP_LOST] = "lost",
	[OP_HELD] = "held",
	[OP_ANSWERED] = "answered",
	[OP_SUSPENDED] = "suspended",
	[OP_RESUMED] = "resumed",
	[OP_RETRIED] = "retried",
	[OP_CANCELLED] = "cancelled",
	[OP_FRAMES] = "frames",
	[OP_LISTENING] = "listening",
	[OP_RECEIVED] = "received",
	[OP_COLLECTED] = "collected",
};

#define OP(name, kind, field) MEMBER(name, kind, struct op, field)
#define OP_VALUE(name, value) MEMBER(name, MEMBER_VALUE, struct op, values[value])

const struct member op_members[] = {
	OP("op", MEMBER_OWN, kind),
	OP("path", MEMBER_TEXT, path),
	OP("attempt", MEMBER_COUNT, attempt),
	MEMBER_HEX("digest", struct op, digest, has_digest),
	OP("has_digest", MEMBER_NONE, has_digest),
	MEMBER_UNLESS("index", MEMBER_NUMBER, struct op, index, -1),
	MEMBER_UNLESS("next", MEMBER_NUMBER, struct op, next, NEXT_FOLLOWING),
	MEMBER_RARE("due", MEMBER_NUMBER, struct op, due, reason, 17),
	OP("deadline", MEMBER_NUMBER, deadline),
	OP("attemptDeadline", MEMBER_NUMBER, attempt_deadline),
	OP("generation", MEMBER_COUNT, generation),
	OP("repeats", MEMBER_NUMBER, repeats),
	OP("backend", MEMBER_FLAG, backend),
	OP("uncertain", MEMBER_FLAG, uncertain),
	OP("again", MEMBER_FLAG, again),
	OP("raised", MEMBER_FLAG, raised),
	OP("failedEntry", MEMBER_FLAG, failed_entry),
	OP("limitHit", MEMBER_FLAG, limit_hit),
	OP("loss", MEMBER_FLAG, loss),
	OP("suspect", MEMBER_FLAG, suspect),
	OP("newId", MEMBER_FLAG, new_id),
	OP("force", MEMBER_FLAG, force),
	OP("worker", MEMBER_TEXT, worker),
	OP("reason", MEMBER_TEXT, reason),
	OP("by", MEMBER_TEXT, by),
	OP_VALUE("input", OP_INPUT),
	OP_VALUE("output", OP_OUTPUT),
	OP_VALUE("context", OP_CONTEXT),
	OP_VALUE("items", OP_ITEMS),
	OP_VALUE("error", OP_ERROR),
	OP_VALUE("correlated", OP_CORRELATED),
	OP("frames", MEMBER_OWN, frames),
	{NULL},
};

const char *op_value_field(struct json name)
{
	const struct member *m = member_find(op_members, name);
	return m && m->kind == MEMBER_VALUE ? m->name : NULL;
}

const char *op_name(enum op_kind kind)
{
	return names[kind];
}

const char *op_entry_kind(const struct op *op)
{
	switch (op->kind) {
	case OP_ITERATION:
	case OP_RECEIVED:
	case OP_COLLECTED:
	case OP_SKIPPED: return names[OP_COMPLETED];
	case OP_LISTENING:
	case OP_RETRY: return names[OP_WAITING];
	case OP_CANCELLED: /* a branch, or the run */
		return names[op->path && *op->path ? OP_COMPLETED : OP_CANCELLED];
	case OP_CAUGHT: return names[OP_FAULTED];
	case OP_HELD: return names[OP_SUSPENDED];
	case OP_ANSWERED: return names[OP_RESUMED];
	case OP_OPENED: return names[OP_STARTED];
	case OP_FAULTED: return op->uncertain ? "uncertain" : names[OP_FAULTED];
	case OP_CREATED:
	case OP_CLAIMED:
	case OP_STARTED:
	case OP_COMPLETED:
	case OP_WAITING:
	case OP_LOST:
	case OP_SUSPENDED:
	case OP_RESUMED:
	case OP_RETRIED:
	case OP_FRAMES: return names[op->kind];
	}
	return NULL;
}

struct op op_make(enum op_kind kind, const char *path)
{
	return (struct op){
		.kind = kind, .path = path, .next = NEXT_FOLLOWING, .index = -1};
}

static void put_value(
	struct value *v, const char *field, int64_t seq, unsigned number, struct buf *out)
{
	json_put_key(out, field);
	json_put(out, value_json(v));
	if (v->seq == -1) {
		v->seq = seq;
		v->op = number;
		v->field = field;
	}
}

void op_write(const struct op *op, int64_t seq, unsigned number, struct buf *out)
{
	buf_puts(out, "{\"op\":\"");
	buf_puts(out, names[op->kind]);
	buf_putc(out, '"');
	for (const struct member *m = NULL; (m = member_next(op_members, m, op));) {
		if (m->kind == MEMBER_VALUE)
			put_value(*member_value(m, op), m->name, seq, number, out);
		else
			member_write(m, op, out);
	}
	if (op->frames.s) {
		buf_puts(out, ",\"frames\":");
		json_put(out, op->frames);
	}
	buf_putc(out, '}');
}

static bool read_kind(struct json v, enum op_kind *ret)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (json_string_is(v, names[i])) {
			*ret = (enum op_kind)i;
			return true;
		}
	}
	return false;
}

static struct value *read_value(
	struct json v, int64_t seq, unsigned number, const char *field)
{
	struct value *value = value_create(v);
	value->seq = seq;
	value->op = number;
	value->field = field;
	return value;
}

bool op_read(
	struct json text, int64_t seq, unsigned number, struct op *ret, struct error *err)
{
	struct op op = op_make(OP_CREATED, NULL);
	struct json_iter it = json_iter(text);
	struct json key, v;
	if (!read_kind(json_get(text, "op"), &op.kind))
		return error_set(err, ERROR_PERMANENT,
			"journal entry %lld, operation %u is of a kind that this program "
			"does not know",
			(long long)seq, number);
	while (json_next_member(&it, &key, &v)) {
		const struct member *m = member_find(op_members, key);
		if (m && m->kind == MEMBER_VALUE)
			*member_value(m, &op) = read_value(v, seq, number, m->name);
		else if (m && m->offset == offsetof(struct op, frames))
			op.frames = v;
		if (m && !member_read(m, v, &op)) {
			op_finish(&op);
			return error_set(err, ERROR_PERMANENT,
				"journal entry %lld, operation %u is damaged",
				(long long)seq, number);
		}
	}
	*ret = op;
	return true;
}

void op_finish(struct op *op)
{
	for (int i = 0; i < OP_VALUES; i++)
		value_unref(op->values[i]);
	free((char *)op->path);
	free((char *)op->worker);
	free((char *)op->reason);
	free((char *)op->by);
	*op = (struct op){0};
}
