/*
 * One pass over the expression. Most of it is copied; what means something else to PCRE2
 * is written in another way, what means something to PCRE2 alone is refused or escaped.
 * Escapes of punctuation that ECMA 262 only allows outside its Unicode mode (\-) are let
 * through: too many schemas have them.
 */
#include "json_schema/dialect.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	const char *p, *end;
	struct buf *out;
	size_t count;      /* the largest of a quantifier so far */
	const char *fault; /* why it stopped */
};

/* White space and line terminators, and all others, as parts of a class. */
#define SPACES                                                                      \
	"\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}" \
	"\\x{202f}"                                                                 \
	"\\x{205f}\\x{3000}\\x{feff}"
#define NO_SPACES                                                                      \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-"        \
	"\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-" \
	"\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

/* The long names of general categories (Unicode's PropertyValueAliases). */
static const struct {
	const char *name, *category;
} categories[] = {
	{"Cased_Letter", "L&"},
	{"Close_Punctuation", "Pe"},
	{"Combining_Mark", "M"},
	{"Connector_Punctuation", "Pc"},
	{"Control", "Cc"},
	{"Currency_Symbol", "Sc"},
	{"Dash_Punctuation", "Pd"},
	{"Decimal_Number", "Nd"},
	{"Enclosing_Mark", "Me"},
	{"Final_Punctuation", "Pf"},
	{"Format", "Cf"},
	{"Initial_Punctuation", "Pi"},
	{"LC", "L&"},
	{"Letter", "L"},
	{"Letter_Number", "Nl"},
	{"Line_Separator", "Zl"},
	{"Lowercase_Letter", "Ll"},
	{"Mark", "M"},
	{"Math_Symbol", "Sm"},
	{"Modifier_Letter", "Lm"},
	{"Modifier_Symbol", "Sk"},
	{"Nonspacing_Mark", "Mn"},
	{"Number", "N"},
	{"Open_Punctuation", "Ps"},
	{"Other", "C"},
	{"Other_Letter", "Lo"},
	{"Other_Number", "No"},
	{"Other_Punctuation", "Po"},
	{"Other_Symbol", "So"},
	{"Paragraph_Separator", "Zp"},
	{"Private_Use", "Co"},
	{"Punctuation", "P"},
	{"Separator", "Z"},
	{"Space_Separator", "Zs"},
	{"Spacing_Mark", "Mc"},
	{"Surrogate", "Cs"},
	{"Symbol", "S"},
	{"Titlecase_Letter", "Lt"},
	{"Unassigned", "Cn"},
	{"Uppercase_Letter", "Lu"},
	{"cntrl", "Cc"},
	{"digit", "Nd"},
	{"punct", "P"},
};

static bool fail(struct reader *r, const char *why)
{
	r->fault = why;
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* From min to max hexadecimal digits; -1 if they are not there. */
static long take_hex(struct reader *r, int min, int max)
{
	long v = 0;
	int n = 0;
	for (; n < max && r->p < r->end; n++, r->p++) {
		const char *digits = "0123456789abcdef";
		const char *at = strchr(digits, is_letter(*r->p) ? *r->p | 0x20 : *r->p);
		if (!*r->p || !at)
			break;
		v = v * 16 + (at - digits);
	}
	return n < min ? -1 : v;
}

static bool put_code_point(struct reader *r, long c)
{
	if (c < 0 || c > 0x10FFFF)
		return fail(r, "not a code point after \\u or \\x");
	if (c >= 0xD800 && c <= 0xDFFF)
		return fail(r, "an unpaired surrogate");
	buf_printf(r->out, "\\x{%lx}", (unsigned long)c);
	return true;
}

/* After \u. */
static bool rewrite_unicode(struct reader *r)
{
	if (r->p < r->end && *r->p == '{') {
		r->p++;
		long c = take_hex(r, 1, 8);
		if (r->p == r->end || *r->p++ != '}')
			return fail(r, "\\u{ without its }");
		return put_code_point(r, c);
	}
	long c = take_hex(r, 4, 4);
	if (c >= 0xD800 && c <= 0xDBFF && r->end - r->p >= 6 && r->p[0] == '\\' &&
		r->p[1] == 'u') {
		r->p += 2;
		long low = take_hex(r, 4, 4);
		if (low >= 0xDC00 && low <= 0xDFFF)
			c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	return put_code_point(r, c);
}

static const char *find_category(const char *name)
{
	for (size_t i = 0; i < sizeof categories / sizeof *categories; i++) {
		if (strcmp(categories[i].name, name) == 0)
			return categories[i].category;
	}
	return name;
}

/* After \p or \P, which is p. */
static bool rewrite_property(struct reader *r, char p)
{
	char name[64];
	const char *from = r->p + 1;
	const char *to = memchr(r->p, '}', (size_t)(r->end - r->p));
	if (!to || *r->p != '{' || to == from || (size_t)(to - from) >= sizeof name)
		return fail(r, "\\p without {a property}");
	for (const char *q = from; q < to; q++) {
		if (!is_letter(*q) && !is_digit(*q) && *q != '_' && *q != '=')
			return fail(r, "not a property after \\p");
	}
	memcpy(name, from, (size_t)(to - from));
	name[to - from] = '\0';
	r->p = to + 1;
	char *value = strchr(name, '=');
	if (!value) {
		buf_printf(r->out, "\\%c{%s}", p, find_category(name));
		return true;
	}
	*value++ = '\0';
	if (strcmp(name, "gc") == 0 || strcmp(name, "General_Category") == 0)
		buf_printf(r->out, "\\%c{%s}", p, find_category(value));
	else if (strcmp(name, "sc") == 0 || strcmp(name, "Script") == 0)
		buf_printf(r->out, "\\%c{sc:%s}", p, value);
	else if (strcmp(name, "scx") == 0 || strcmp(name, "Script_Extensions") == 0)
		buf_printf(r->out, "\\%c{scx:%s}", p, value);
	else
		return fail(r, "not a property after \\p");
	return true;
}

static void put_spaces(struct reader *r, bool in_class, bool negated)
{
	buf_printf(r->out, "%s%s%s", in_class ? "" : "[", negated ? NO_SPACES : SPACES,
		in_class ? "" : "]");
}

/* Escapes that only stand outside classes. True: *ret says how it went. */
static bool rewrite_outer_escape(struct reader *r, char c, bool *ret)
{
	*ret = true;
	if (c == 'b' || c == 'B') {
		buf_printf(r->out, "\\%c", c);
	} else if (c == 'k') {
		if (r->p == r->end || *r->p != '<')
			*ret = fail(r, "\\k without <a name>");
		buf_puts(r->out, "\\k");
	} else if (c >= '1' && c <= '9') {
		const char *from = r->p - 1;
		while (r->p < r->end && is_digit(*r->p))
			r->p++;
		buf_puts(r->out, "\\g{");
		buf_add(r->out, from, (size_t)(r->p - from));
		buf_putc(r->out, '}');
	} else {
		return false;
	}
	return true;
}

static bool rewrite_control(struct reader *r)
{
	if (r->p == r->end || !is_letter(*r->p))
		return fail(r, "\\c without a letter");
	return put_code_point(r, *r->p++ & 31);
}

/* A character that stands for itself. */
static bool rewrite_identity(struct reader *r, char c)
{
	if (is_letter(c) || is_digit(c) || c == '_')
		return fail(r, "an unknown escape");
	if ((unsigned char)c < 0x80)
		buf_putc(r->out, '\\');
	buf_putc(r->out, c);
	return true;
}

static bool rewrite_escape(struct reader *r, bool in_class)
{
	bool ok;
	if (++r->p == r->end)
		return fail(r, "a backslash at the end");
	char c = *r->p++;
	if (!in_class && rewrite_outer_escape(r, c, &ok))
		return ok;
	switch (c) {
	case 'd':
	case 'D':
	case 'w':
	case 'W':
	case 't':
	case 'n':
	case 'r':
	case 'f': buf_printf(r->out, "\\%c", c); return true;
	case 's':
	case 'S': put_spaces(r, in_class, c == 'S'); return true;
	case 'b': return put_code_point(r, '\b');
	case 'v': return put_code_point(r, '\v');
	case '0':
		if (r->p < r->end && is_digit(*r->p))
			return fail(r, "an octal escape");
		return put_code_point(r, 0);
	case 'c': return rewrite_control(r);
	case 'x': return put_code_point(r, take_hex(r, 2, 2));
	case 'u': return rewrite_unicode(r);
	case 'p':
	case 'P': return rewrite_property(r, c);
	default: return rewrite_identity(r, c);
	}
}

/* A hyphen after one that stands for several characters is no range but itself. */
static bool rewrite_class_escape(struct reader *r)
{
	bool several = r->end - r->p > 1 && r->p[1] && strchr("dDpPsSwW", r->p[1]);
	if (!rewrite_escape(r, true))
		return false;
	if (several && r->p < r->end && *r->p == '-') {
		buf_puts(r->out, "\\-");
		r->p++;
	}
	return true;
}

static bool rewrite_class(struct reader *r)
{
	buf_putc(r->out, *r->p++);
	if (r->p < r->end && *r->p == '^')
		buf_putc(r->out, *r->p++);
	while (r->p < r->end && *r->p != ']') {
		if (*r->p == '\\') {
			if (!rewrite_class_escape(r))
				return false;
			continue;
		}
		if (*r->p == '[') /* or it might begin a POSIX class */
			buf_putc(r->out, '\\');
		buf_putc(r->out, *r->p++);
	}
	if (r->p == r->end)
		return fail(r, "[ without its ]");
	buf_putc(r->out, *r->p++);
	return true;
}

static bool starts_with(const struct reader *r, const char *text)
{
	size_t n = strlen(text);
	return (size_t)(r->end - r->p) >= n && memcmp(r->p, text, n) == 0;
}

static bool rewrite_group(struct reader *r)
{
	static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!"};
	size_t n = starts_with(r, "(?") || starts_with(r, "(*") ? 0 : 1;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (starts_with(r, kinds[i]))
			n = strlen(kinds[i]);
	}
	if (n == 0 && starts_with(r, "(?<"))
		n = 3;
	if (n == 0)
		return fail(r, "an unknown kind of group");
	buf_add(r->out, r->p, n);
	r->p += n;
	return true;
}

static const char *skip_count(struct reader *r, const char *p)
{
	size_t count = 0;
	for (; p < r->end && is_digit(*p); p++) {
		if (count < SIZE_MAX / 100)
			count = count * 10 + (size_t)(*p - '0');
	}
	if (count > r->count)
		r->count = count;
	return p;
}

/* The length of {n}, {n,} or {n,m} at p, 0 if it is none. */
static size_t braces_length(struct reader *r)
{
	const char *p = skip_count(r, r->p + 1);
	if (p == r->p + 1)
		return 0;
	if (p < r->end && *p == ',')
		p = skip_count(r, p + 1);
	return p < r->end && *p == '}' ? (size_t)(p + 1 - r->p) : 0;
}

static bool rewrite_quantifier(struct reader *r)
{
	size_t n = *r->p == '{' ? braces_length(r) : 1;
	if (n == 0) { /* a brace that means itself */
		buf_puts(r->out, "\\{");
		r->p++;
		return true;
	}
	buf_add(r->out, r->p, n);
	r->p += n;
	if (r->p < r->end && *r->p == '?')
		buf_putc(r->out, *r->p++);
	if (r->p < r->end && strchr("*+?", *r->p) && *r->p)
		return fail(r, "nothing to repeat");
	return true;
}

static bool rewrite(struct reader *r)
{
	while (r->p < r->end) {
		bool ok = true;
		switch (*r->p) {
		case '\\': ok = rewrite_escape(r, false); break;
		case '[': ok = rewrite_class(r); break;
		case '(': ok = rewrite_group(r); break;
		case '*':
		case '+':
		case '?':
		case '{': ok = rewrite_quantifier(r); break;
		case '.':
			buf_puts(r->out, "[^\\n\\r\\x{2028}\\x{2029}]");
			r->p++;
			break;
		default: buf_putc(r->out, *r->p++);
		}
		if (!ok)
			return false;
	}
	return true;
}

bool json_schema_dialect(
	const char *s, size_t n, struct buf *out, size_t *ret_count, struct error *err)
{
	struct reader r = {.p = s, .end = s + n, .out = out};
	if (!rewrite(&r))
		return error_set(err, ERROR_INPUT,
			"%s at byte %zu of the regular expression", r.fault,
			(size_t)(r.p - s));
	*ret_count = r.count;
	return true;
}
