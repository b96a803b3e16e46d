/* Recursive, but no deeper than a JSON text may be. */
#include "jq/dump.h"

struct dump {
	struct buf *out;
	size_t end; /* out->len must not pass it */
	size_t bytes;
	unsigned depth;
	struct error *err;
};

static bool dump_value(struct dump *d, jv v);

static void dump_number(struct dump *d, jv v)
{
	jv text = jv_dump_string(jv_copy(v), 0);
	buf_puts(d->out, jv_string_value(text));
	jv_free(text);
}

static void dump_string(struct dump *d, jv v)
{
	json_put_string(
		d->out, jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v)));
}

static bool dump_array(struct dump *d, jv v)
{
	bool ok = true;
	int n = jv_array_length(jv_copy(v));
	buf_putc(d->out, '[');
	for (int i = 0; ok && i < n; i++) {
		jv item = jv_array_get(jv_copy(v), i);
		if (i)
			buf_putc(d->out, ',');
		ok = dump_value(d, item);
		jv_free(item);
	}
	buf_putc(d->out, ']');
	return ok;
}

static bool dump_object(struct dump *d, jv v)
{
	bool ok = true, first = true;
	buf_putc(d->out, '{');
	for (int i = jv_object_iter(v); ok && jv_object_iter_valid(v, i);
		i = jv_object_iter_next(v, i)) {
		jv key = jv_object_iter_key(v, i), item = jv_object_iter_value(v, i);
		if (!first)
			buf_putc(d->out, ',');
		first = false;
		dump_string(d, key);
		buf_putc(d->out, ':');
		ok = dump_value(d, item);
		jv_free(key);
		jv_free(item);
	}
	buf_putc(d->out, '}');
	return ok;
}

static bool dump_value(struct dump *d, jv v)
{
	bool ok = true;
	if (++d->depth > JSON_DEPTH_DEFAULT + 1)
		return error_set(d->err, ERROR_INPUT, "the result is nested too deeply");
	switch (jv_get_kind(v)) {
	case JV_KIND_INVALID:
	case JV_KIND_NULL: buf_puts(d->out, "null"); break;
	case JV_KIND_FALSE: buf_puts(d->out, "false"); break;
	case JV_KIND_TRUE: buf_puts(d->out, "true"); break;
	case JV_KIND_NUMBER: dump_number(d, v); break;
	case JV_KIND_STRING: dump_string(d, v); break;
	case JV_KIND_ARRAY: ok = dump_array(d, v); break;
	case JV_KIND_OBJECT: ok = dump_object(d, v); break;
	}
	d->depth--;
	if (ok && d->out->len > d->end)
		return error_set(d->err, ERROR_INPUT,
			"the result has more than the limit of %zu bytes", d->bytes);
	return ok;
}

bool jqvm_dump(jv v, size_t bytes, struct buf *out, struct error *err)
{
	struct dump d = {out, out->len + bytes, bytes, 0, err};
	return dump_value(&d, v);
}
