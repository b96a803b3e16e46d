/* Operations to text and back; one table of names each way. */
#include "op.h"

#include <stdlib.h>
#include <string.h>

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
	[OP_SUSPENDED] = "suspended",
	[OP_RESUMED] = "resumed",
	[OP_RETRIED] = "retried",
	[OP_CANCELLED] = "cancelled",
	[OP_FRAMES] = "frames",
	[OP_LISTENING] = "listening",
	[OP_RECEIVED] = "received",
	[OP_COLLECTED] = "collected",
};

static const char *const value_names[] = {
	[OP_INPUT] = "input",
	[OP_OUTPUT] = "output",
	[OP_CONTEXT] = "context",
	[OP_ITEMS] = "items",
	[OP_ERROR] = "error",
	[OP_CORRELATED] = "correlated",
};

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

static void put_number(struct buf *out, const char *key, int64_t v)
{
	json_put_key(out, key);
	buf_int(out, v);
}

static void put_flag(struct buf *out, const char *key, bool v)
{
	if (v) {
		json_put_key(out, key);
		buf_puts(out, "true");
	}
}

static void put_text(struct buf *out, const char *key, const char *v)
{
	if (v) {
		json_put_key(out, key);
		json_put_text(out, v);
	}
}

static void put_values(const struct op *op, int64_t seq, unsigned number, struct buf *out)
{
	for (int i = 0; i < OP_VALUES; i++) {
		struct value *v = op->values[i];
		if (!v)
			continue;
		json_put_key(out, value_names[i]);
		json_put(out, value_json(v));
		if (v->seq == -1) {
			v->seq = seq;
			v->op = number;
			v->field = value_names[i];
		}
	}
}

void op_write(const struct op *op, int64_t seq, unsigned number, struct buf *out)
{
	buf_puts(out, "{\"op\":\"");
	buf_puts(out, names[op->kind]);
	buf_putc(out, '"');
	put_text(out, "path", op->path);
	if (op->attempt)
		put_number(out, "attempt", op->attempt);
	if (op->has_digest) {
		char hex[33];
		digest_hex(op->digest, 16, hex);
		put_text(out, "digest", hex);
	}
	if (op->index >= 0)
		put_number(out, "index", op->index);
	if (op->next != NEXT_FOLLOWING)
		put_number(out, "next", op->next);
	if (op->due)
		put_number(out, "due", op->due);
	if (op->deadline)
		put_number(out, "deadline", op->deadline);
	if (op->attempt_deadline)
		put_number(out, "attemptDeadline", op->attempt_deadline);
	if (op->generation)
		put_number(out, "generation", op->generation);
	put_flag(out, "uncertain", op->uncertain);
	put_flag(out, "again", op->again);
	put_flag(out, "raised", op->raised);
	put_flag(out, "failedEntry", op->failed_entry);
	put_flag(out, "limitHit", op->limit_hit);
	put_flag(out, "loss", op->loss);
	put_flag(out, "suspect", op->suspect);
	put_flag(out, "newId", op->new_id);
	put_flag(out, "force", op->force);
	put_text(out, "worker", op->worker);
	put_text(out, "reason", op->reason);
	put_values(op, seq, number, out);
	if (op->frames.s) {
		buf_puts(out, ",\"frames\":");
		json_put(out, op->frames);
	}
	buf_putc(out, '}');
}

static bool read_digest(struct json v, uint8_t out[16])
{
	if (v.n != 34)
		return false;
	for (int i = 0; i < 16; i++) {
		char hex[3] = {v.s[1 + 2 * i], v.s[2 + 2 * i], '\0'}, *end;
		out[i] = (uint8_t)strtoul(hex, &end, 16);
		if (*end)
			return false;
	}
	return true;
}

static int64_t read_number(struct json v, int64_t fallback)
{
	int64_t n;
	return json_int(v, &n) ? n : fallback;
}

/* One member into its place; unknown members are left alone. */
static bool read_member(const char *key, struct json v, struct op *op)
{
	struct {
		const char *name;
		bool *flag;
	} flags[] = {{"uncertain", &op->uncertain}, {"again", &op->again},
		{"raised", &op->raised}, {"loss", &op->loss}, {"suspect", &op->suspect},
		{"newId", &op->new_id}, {"failedEntry", &op->failed_entry},
		{"limitHit", &op->limit_hit}, {"force", &op->force}};
	struct {
		const char *name;
		int64_t *number;
	} numbers[] = {{"index", &op->index}, {"next", &op->next}, {"due", &op->due},
		{"deadline", &op->deadline}, {"attemptDeadline", &op->attempt_deadline}};
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		if (strcmp(key, flags[i].name) == 0)
			*flags[i].flag = json_type(v) == JSON_TRUE;
	}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		if (strcmp(key, numbers[i].name) == 0)
			*numbers[i].number = read_number(v, 0);
	}
	if (strcmp(key, "path") == 0)
		op->path = json_strdup(v);
	else if (strcmp(key, "worker") == 0)
		op->worker = json_strdup(v);
	else if (strcmp(key, "reason") == 0)
		op->reason = json_strdup(v);
	else if (strcmp(key, "attempt") == 0)
		op->attempt = (unsigned)read_number(v, 0);
	else if (strcmp(key, "generation") == 0)
		op->generation = (unsigned)read_number(v, 0);
	else if (strcmp(key, "frames") == 0)
		op->frames = v;
	else if (strcmp(key, "digest") == 0)
		return op->has_digest = read_digest(v, op->digest);
	return true;
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

static void read_value(
	const char *key, struct json v, int64_t seq, unsigned number, struct op *op)
{
	for (int i = 0; i < OP_VALUES; i++) {
		if (strcmp(key, value_names[i]) != 0)
			continue;
		struct value *value = value_create(v);
		value->seq = seq;
		value->op = number;
		value->field = value_names[i];
		op->values[i] = value;
	}
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
		char *name = json_strdup(key);
		read_value(name, v, seq, number, &op);
		bool ok = read_member(name, v, &op);
		free(name);
		if (!ok) {
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
	*op = (struct op){0};
}
