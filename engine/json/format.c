/*
 * Matchers for the patterns of workflow.schema.json, written out by hand: the texts come
 * from outside and may be long, and none of these looks at a byte more than a few times.
 * White space is that of ECMAScript, in which the patterns are written.
 */
#include "json/format.h"

#include <ctype.h>
#include <string.h>

struct reader {
	const char *p, *end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static size_t take_digits(struct reader *r)
{
	const char *from = r->p;
	while (r->p < r->end && is_digit(*r->p))
		r->p++;
	return (size_t)(r->p - from);
}

/* Bytes of the ECMAScript white space (\s) at p; 0 if there is none. */
static size_t space_length(const char *p, const char *end)
{
	static const char *const wide[] = {"\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\xA8",
		"\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
		"\xEF\xBB\xBF"};
	if (p == end)
		return 0;
	if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		return 1;
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
		size_t n = strlen(wide[i]);
		if ((size_t)(end - p) >= n && memcmp(p, wide[i], n) == 0)
			return n;
	}
	/* U+2000 to U+200A */
	if (end - p >= 3 && p[0] == '\xE2' && p[1] == '\x80' &&
		(unsigned char)p[2] <= 0x8A)
		return 3;
	return 0;
}

static const char *after_spaces(const char *p, const char *end)
{
	size_t n;
	while ((n = space_length(p, end)) > 0)
		p += n;
	return p;
}

/* A line terminator, which "." does not match. */
static bool is_line_end(const char *p, const char *end)
{
	if (*p == '\n' || *p == '\r')
		return true;
	return end - p >= 3 && p[0] == '\xE2' && p[1] == '\x80' &&
	       (p[2] == '\xA8' || p[2] == '\xA9');
}

/* ^\s*\$\{.+\}\s*$ */
static bool is_expression(const char *s, const char *end)
{
	const char *p = after_spaces(s, end);
	if (end - p < 4 || p[0] != '$' || p[1] != '{')
		return false;
	const char *last = end;
	while (last > p && last[-1] != '}')
		last--;
	if (last - p < 4 || after_spaces(last, end) != end)
		return false;
	for (p += 2; p < last - 1; p++) {
		if (is_line_end(p, last))
			return false;
	}
	return true;
}

static bool is_percent(const char *p, const char *end)
{
	return end - p >= 3 && *p == '%' && isxdigit((unsigned char)p[1]) &&
	       isxdigit((unsigned char)p[2]);
}

static bool take_letters(struct reader *r)
{
	const char *from = r->p;
	while (r->p < r->end) {
		if (is_letter(*r->p) || is_digit(*r->p) || *r->p == '_')
			r->p++;
		else if (is_percent(r->p, r->end))
			r->p += 3;
		else
			break;
	}
	return r->p > from;
}

/* One variable of a template: its name, in which dots may stand between letters
 * (RFC 6570, 2.3), and :length or *. */
static bool take_variable(struct reader *r)
{
	do {
		if (!take_letters(r))
			return false;
	} while (take(r, '.'));
	if (take(r, ':')) {
		bool zero = r->p < r->end && *r->p == '0';
		size_t n = take_digits(r);
		return !zero && n >= 1 && n <= 4;
	}
	take(r, '*');
	return true;
}

static bool take_template_expression(struct reader *r)
{
	r->p++; /* the brace */
	if (r->p < r->end && *r->p && strchr("+#./;?&=,!@|", *r->p))
		r->p++;
	do {
		if (!take_variable(r))
			return false;
	} while (take(r, ','));
	return take(r, '}');
}

static bool is_uri_template(const char *s, const char *end)
{
	struct reader r = {s, end};
	while (r.p < r.end) {
		if (*r.p == '{') {
			if (!take_template_expression(&r))
				return false;
		} else if (is_percent(r.p, r.end)) {
			r.p += 3;
		} else if ((unsigned char)*r.p <= 0x20 || strchr("\"'<>%\\^`{|}", *r.p)) {
			return false;
		} else {
			r.p++;
		}
	}
	return true;
}

/* RFC 3986 by its sets of characters; IP literals are accepted as templates already. */
static bool is_uri_reference(const char *s, const char *end)
{
	bool fragment = false;
	for (const char *p = s; p < end; p++) {
		if (is_percent(p, end)) {
			p += 2;
		} else if (*p == '#') {
			if (fragment)
				return false;
			fragment = true;
		} else if (!*p || !(is_letter(*p) || is_digit(*p) ||
					  strchr("-._~!$&'\"()*+,;=:@/?", *p))) {
			return false;
		}
	}
	return true;
}

/* The schema's "uriTemplate": its pattern demands a first character, no ${ in front and
 * no white space. */
static bool is_uri(const char *s, const char *end)
{
	const char *p = after_spaces(s, end);
	if (p != s || p == end || (end - p >= 2 && p[0] == '$' && p[1] == '{'))
		return false;
	while (p < end && *p && !strchr(":/?#", *p))
		p++;
	for (const char *q = p < end && *p == ':' ? p : s; q < end; q++) {
		if (space_length(q, end))
			return false;
	}
	return is_uri_template(s, end) || is_uri_reference(s, end);
}

static bool is_pointer(const char *s, const char *end)
{
	if (s < end && *s != '/')
		return false;
	for (const char *p = s; p < end; p++) {
		if (*p == '~' && (p + 1 == end || (p[1] != '0' && p[1] != '1')))
			return false;
	}
	return true;
}

/* Exactly n digits as a number; -1 if they are not there. */
static int take_number(struct reader *r, int n)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (r->p == r->end || !is_digit(*r->p))
			return -1;
		v = v * 10 + (*r->p++ - '0');
	}
	return v;
}

static bool take_date(struct reader *r)
{
	static const int days[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = take_number(r, 4);
	if (year < 0 || !take(r, '-'))
		return false;
	int month = take_number(r, 2);
	if (month < 1 || month > 12 || !take(r, '-'))
		return false;
	int day = take_number(r, 2);
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day >= 1 && day <= (month == 2 && leap ? 29 : days[month]);
}

/* Minutes from UTC; false if no zone is there. */
static bool take_zone(struct reader *r, int *ret)
{
	*ret = 0;
	if (take(r, 'Z') || take(r, 'z'))
		return true;
	bool minus = take(r, '-');
	if (!minus && !take(r, '+'))
		return false;
	int hours = take_number(r, 2), minutes = 0;
	if (r->p < r->end) {
		take(r, ':');
		minutes = take_number(r, 2);
	}
	*ret = (hours * 60 + minutes) * (minus ? -1 : 1);
	return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59;
}

static bool is_date_time(const char *s, const char *end)
{
	struct reader r = {s, end};
	if (!take_date(&r) || !(take(&r, 'T') || take(&r, 't') || take(&r, ' ')))
		return false;
	int hour = take_number(&r, 2);
	int minute = take(&r, ':') ? take_number(&r, 2) : -1;
	int second = take(&r, ':') ? take_number(&r, 2) : -1;
	if (hour < 0 || minute < 0 || second < 0)
		return false;
	if (take(&r, '.') && take_digits(&r) == 0)
		return false;
	int zone;
	if (!take_zone(&r, &zone) || r.p != r.end)
		return false;
	if (hour <= 23 && minute <= 59 && second < 60)
		return true;
	int utc = (hour * 60 + minute - zone + 2 * 1440) % 1440; /* a leap second */
	return hour <= 23 && minute <= 59 && second == 60 && utc == 1439;
}

/* Parts of a duration in the order of units, each digits with an optional fraction. */
static void take_parts(struct reader *r, const char *units)
{
	for (; *units; units++) {
		struct reader start = *r;
		bool ok = take_digits(r) > 0;
		if (ok && take(r, '.'))
			ok = take_digits(r) > 0;
		if (!ok || !take(r, *units))
			*r = start;
	}
}

static bool is_duration(const char *s, const char *end)
{
	struct reader r = {s, end};
	if (!take(&r, 'P') || r.p == r.end)
		return false;
	take_parts(&r, "YMWD");
	if (take(&r, 'T')) {
		if (r.p == r.end || !is_digit(*r.p))
			return false;
		take_parts(&r, "HMS");
	}
	return r.p == r.end;
}

static bool is_label(const char *s, const char *end, const char *inner)
{
	if (s == end || end - s > 63)
		return false;
	for (const char *p = s; p < end; p++) {
		bool edge = p == s || p == end - 1;
		if (!is_letter(*p) && !is_digit(*p) &&
			(edge || !*p || !strchr(inner, *p)))
			return false;
	}
	return true;
}

/* Identifiers divided by dots; numbers among them without leading zeros where strict. */
static bool take_identifiers(struct reader *r, bool strict)
{
	do {
		const char *from = r->p;
		bool number = true;
		for (; r->p < r->end &&
			(is_letter(*r->p) || is_digit(*r->p) || *r->p == '-');
			r->p++)
			number = number && is_digit(*r->p);
		if (r->p == from || (strict && number && *from == '0' && r->p - from > 1))
			return false;
	} while (take(r, '.'));
	return true;
}

static bool is_semver(const char *s, const char *end)
{
	struct reader r = {s, end};
	for (int i = 0; i < 3; i++) {
		if (i > 0 && !take(&r, '.'))
			return false;
		const char *from = r.p;
		size_t n = take_digits(&r);
		if (n == 0 || (n > 1 && *from == '0'))
			return false;
	}
	if (take(&r, '-') && !take_identifiers(&r, true))
		return false;
	if (take(&r, '+') && !take_identifiers(&r, false))
		return false;
	return r.p == r.end;
}

static bool is_header(const char *s, const char *end)
{
	for (const char *p = s; p < end; p++) {
		if (!is_letter(*p) && !is_digit(*p) &&
			(!*p || !strchr("!#$%&'*+-.^_`|~", *p)))
			return false;
	}
	return s < end;
}

static bool has_format(const char *s, const char *end, enum text_format format)
{
	switch (format) {
	case FORMAT_EXPRESSION: return is_expression(s, end);
	case FORMAT_URI: return is_uri(s, end);
	case FORMAT_URI_TEMPLATE: return is_uri_template(s, end);
	case FORMAT_POINTER: return is_pointer(s, end);
	case FORMAT_DATE_TIME: return is_date_time(s, end);
	case FORMAT_DURATION: return is_duration(s, end);
	case FORMAT_LABEL: return is_label(s, end, "-");
	case FORMAT_HOST: return is_label(s, end, "-.");
	case FORMAT_SEMVER: return is_semver(s, end);
	case FORMAT_NOT_EMPTY: return s < end;
	case FORMAT_HEADER: return is_header(s, end);
	case FORMAT_SQL: return true;
	}
	return false;
}

bool text_has_format(const char *s, size_t n, unsigned formats)
{
	for (unsigned bit = 1; bit <= formats; bit <<= 1) {
		if ((formats & bit) && has_format(s, s + n, (enum text_format)bit))
			return true;
	}
	return formats == 0;
}
