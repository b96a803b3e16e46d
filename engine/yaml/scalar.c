/* Resolution by the core schema. A number whose text JSON knows too keeps it; of the
 * others the nearest JSON spelling of the very same value is written. */
#include "yaml/scalar.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

#define CORE "tag:yaml.org,2002:"

enum yaml_tag yaml_tag(const char *text, size_t n)
{
	static const char *const names[] = {
		[YAML_TAG_STRING] = CORE "str",
		[YAML_TAG_NULL] = CORE "null",
		[YAML_TAG_BOOL] = CORE "bool",
		[YAML_TAG_INT] = CORE "int",
		[YAML_TAG_FLOAT] = CORE "float",
		[YAML_TAG_MAP] = CORE "map",
		[YAML_TAG_SEQ] = CORE "seq",
	};
	if (n == 1 && *text == '!')
		return YAML_TAG_STRING;
	for (enum yaml_tag tag = YAML_TAG_STRING; tag < YAML_TAG_UNKNOWN; tag++) {
		if (strlen(names[tag]) == n && memcmp(names[tag], text, n) == 0)
			return tag;
	}
	return YAML_TAG_UNKNOWN;
}

static bool is_one_of(const struct yaml_text *t, const char *const *words)
{
	for (; *words; words++) {
		if (strlen(*words) == t->n && memcmp(*words, t->s, t->n) == 0)
			return true;
	}
	return false;
}

static bool is_null(const struct yaml_text *t)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
	return is_one_of(t, words);
}

static bool is_true(const struct yaml_text *t)
{
	static const char *const words[] = {"true", "True", "TRUE", NULL};
	return is_one_of(t, words);
}

static bool is_false(const struct yaml_text *t)
{
	static const char *const words[] = {"false", "False", "FALSE", NULL};
	return is_one_of(t, words);
}

static bool is_infinite_or_nan(const struct yaml_text *t)
{
	static const char *const words[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf",
		"+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN", NULL};
	return is_one_of(t, words);
}

static size_t digits(const char *s, const char *end)
{
	const char *p = s;
	while (p < end && isdigit((unsigned char)*p))
		p++;
	return (size_t)(p - s);
}

/* 0x1F or 0o17: the base, or 0. */
static int based(const struct yaml_text *t)
{
	if (t->n < 3 || t->s[0] != '0' || (t->s[1] != 'x' && t->s[1] != 'o'))
		return 0;
	for (size_t i = 2; i < t->n; i++) {
		char c = t->s[i];
		if (t->s[1] == 'x' ? !isxdigit((unsigned char)c) : c < '0' || c > '7')
			return 0;
	}
	return t->s[1] == 'x' ? 16 : 8;
}

/* The parts of a decimal number, as slices of the text. */
struct decimal {
	bool minus, point;
	const char *whole, *fraction, *exponent; /* exponent: from its e on */
	size_t nwhole, nfraction, nexponent;
};

static bool read_decimal(const struct yaml_text *t, struct decimal *ret)
{
	const char *p = t->s, *end = t->s + t->n;
	struct decimal d = {.minus = p < end && *p == '-'};
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	d.whole = p;
	d.nwhole = digits(p, end);
	p += d.nwhole;
	d.point = p < end && *p == '.';
	p += d.point;
	d.fraction = p;
	d.nfraction = d.point ? digits(p, end) : 0;
	p += d.nfraction;
	if (d.nwhole + d.nfraction == 0)
		return false;
	d.exponent = p;
	d.nexponent = (size_t)(end - p);
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '-' || *p == '+'))
			p++;
		size_t n = digits(p, end);
		p += n ? n : 1; /* a bare e is no exponent */
	}
	*ret = d;
	return p == end;
}

static void put_decimal(const struct decimal *d, struct buf *out)
{
	if (d->minus)
		buf_putc(out, '-');
	buf_add(out, d->nwhole ? d->whole : "0", d->nwhole ? d->nwhole : 1);
	if (d->point) {
		buf_putc(out, '.');
		buf_add(out, d->nfraction ? d->fraction : "0",
			d->nfraction ? d->nfraction : 1);
	}
	buf_add(out, d->exponent, d->nexponent);
}

enum outcome { PUT, NOT_A_NUMBER, REFUSED };

static enum outcome refuse(struct error *err, const struct yaml_text *t, const char *why)
{
	error_set(err, ERROR_INPUT, "%.*s %s", (int)(t->n < 40 ? t->n : 40), t->s, why);
	return REFUSED;
}

static enum outcome put_number(
	const struct yaml_text *t, struct buf *out, struct error *err)
{
	struct decimal d;
	int base = based(t);
	if (is_infinite_or_nan(t))
		return refuse(err, t, "is no number in JSON (quote it if it is text)");
	if (base) {
		const char *p = t->s + 2, *end = t->s + t->n;
		while (p < end - 1 && *p == '0')
			p++;
		if (end - p > (base == 16 ? 16 : 21))
			return refuse(err, t, "is larger than 64 bits");
		char *text = xstrndup(p, (size_t)(end - p));
		buf_printf(out, "%ju", (uintmax_t)strtoull(text, NULL, base));
		free(text);
		return PUT;
	}
	if (!read_decimal(t, &d))
		return NOT_A_NUMBER;
	if (d.nwhole > 1 && *d.whole == '0')
		return refuse(err, t,
			"has a leading zero: write the number without it (octal: 0o17), "
			"or quote the text");
	put_decimal(&d, out);
	return PUT;
}

static bool put_plain(const struct yaml_text *t, struct buf *out, struct error *err)
{
	if (is_null(t) || is_true(t) || is_false(t)) {
		buf_puts(out, is_null(t) ? "null" : is_true(t) ? "true" : "false");
		return true;
	}
	enum outcome outcome = put_number(t, out, err);
	if (outcome == NOT_A_NUMBER)
		json_put_string(out, t->s, t->n);
	return outcome != REFUSED;
}

static bool put_tagged_number(
	const struct yaml_text *t, struct buf *out, struct error *err)
{
	struct decimal d;
	bool whole = based(t) || (read_decimal(t, &d) && !d.point && !d.nexponent);
	enum outcome outcome =
		t->tag == YAML_TAG_INT && !whole ? NOT_A_NUMBER : put_number(t, out, err);
	if (outcome == NOT_A_NUMBER)
		outcome = refuse(err, t,
			t->tag == YAML_TAG_INT ? "is not an !!int" : "is not a !!float");
	return outcome == PUT;
}

bool yaml_scalar(const struct yaml_text *t, struct buf *out, struct error *err)
{
	switch (t->tag) {
	case YAML_TAG_NONE:
		if (t->plain)
			return put_plain(t, out, err);
		json_put_string(out, t->s, t->n);
		return true;
	case YAML_TAG_STRING: json_put_string(out, t->s, t->n); return true;
	case YAML_TAG_NULL:
		if (!is_null(t))
			return refuse(err, t, "is not a !!null") == PUT;
		buf_puts(out, "null");
		return true;
	case YAML_TAG_BOOL:
		if (!is_true(t) && !is_false(t))
			return refuse(err, t, "is not a !!bool") == PUT;
		buf_puts(out, is_true(t) ? "true" : "false");
		return true;
	case YAML_TAG_INT:
	case YAML_TAG_FLOAT: return put_tagged_number(t, out, err);
	case YAML_TAG_MAP:
	case YAML_TAG_SEQ: return refuse(err, t, "is not a mapping or sequence") == PUT;
	case YAML_TAG_UNKNOWN: break;
	}
	return error_set(err, ERROR_INPUT, "unknown tag");
}
