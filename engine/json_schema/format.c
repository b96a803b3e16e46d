/* Formats that the DSL has, too, are judged by text_format; most others are small. */
#include "json_schema/format.h"

#include "base/buf.h"
#include "json_schema/pattern.h"
#include "json/format.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_date_time(const char *s, size_t n)
{
	return text_has_format(s, n, FORMAT_DATE_TIME);
}

/* RFC 3339: a full-date or full-time is what makes a date-time with the other half. */
static bool is_date(const char *s, size_t n)
{
	struct buf b = {0};
	buf_printf(&b, "%sT00:00:00Z", s);
	bool ok = n == 10 && is_date_time(buf_text(&b), b.len);
	buf_finish(&b);
	return ok;
}

static bool is_time(const char *s, size_t n)
{
	struct buf b = {0};
	buf_puts(&b, "2016-12-31T");
	buf_add(&b, s, n);
	bool ok = is_date_time(buf_text(&b), b.len);
	buf_finish(&b);
	return ok;
}

/* Digits and one of the units, which only come in their order. */
static const char *skip_units(const char *p, const char *units, bool *ret_any)
{
	*ret_any = false;
	for (;;) {
		size_t n = strspn(p, "0123456789");
		const char *unit = n && p[n] ? strchr(units, p[n]) : NULL;
		if (!unit || (*ret_any && unit != units))
			return p;
		*ret_any = true;
		units = unit + 1;
		p += n + 1;
	}
}

/* RFC 3339, appendix A: units do not skip one another, weeks stand alone. */
static bool is_duration(const char *s, size_t n)
{
	const char *p = s + 1;
	bool any_date, any_time = true;
	if (n == 0 || *s != 'P')
		return false;
	size_t weeks = strspn(p, "0123456789");
	if (weeks && p[weeks] == 'W')
		return p + weeks + 1 == s + n;
	p = skip_units(p, "YMD", &any_date);
	if (*p == 'T')
		p = skip_units(p + 1, "HMS", &any_time);
	else if (!any_date)
		return false;
	return any_time && p == s + n;
}

static bool is_hostname(const char *s, size_t n)
{
	size_t label = 0;
	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (i == n || s[i] == '.') {
			if (label == 0 || label > 63 || s[i - 1] == '-')
				return false;
			label = 0;
		} else if (is_alnum(s[i]) || (s[i] == '-' && label > 0)) {
			label++;
		} else {
			return false;
		}
	}
	return true;
}

/* dotted-decimal of RFC 2673 and RFC 4291, as inet_pton takes them. */
static bool is_ipv4(const char *s, size_t n)
{
	struct in_addr address;
	return strlen(s) == n && inet_pton(AF_INET, s, &address) == 1;
}

static bool is_ipv6(const char *s, size_t n)
{
	struct in6_addr address;
	return strlen(s) == n && inet_pton(AF_INET6, s, &address) == 1;
}

/* RFC 5321's Mailbox: a dot-atom or quoted string, a host name or [address]. */
static bool is_email(const char *s, size_t n)
{
	const char *at = memrchr(s, '@', n);
	if (!at || at == s)
		return false;
	const char *host = at + 1;
	size_t nhost = (size_t)(s + n - host), nlocal = (size_t)(at - s);
	if (nhost > 6 && strncmp(host, "[IPv6:", 6) == 0 && s[n - 1] == ']') {
		char address[64] = {0};
		if (nhost - 7 >= sizeof address)
			return false;
		memcpy(address, host + 6, nhost - 7);
		return is_ipv6(address, nhost - 7);
	}
	if (nhost > 2 && host[0] == '[' && s[n - 1] == ']') {
		char address[64] = {0};
		if (nhost - 2 >= sizeof address)
			return false;
		memcpy(address, host + 1, nhost - 2);
		return is_ipv4(address, nhost - 2);
	}
	if (!is_hostname(host, nhost))
		return false;
	if (nlocal >= 2 && s[0] == '"' && at[-1] == '"')
		return true;
	for (const char *p = s; p < at; p++) {
		bool dot = *p == '.' && p > s && p + 1 < at && p[1] != '.';
		if (!dot && !is_alnum(*p) && (!*p || !strchr("!#$%&'*+-/=?^_`{|}~", *p)))
			return false;
	}
	return true;
}

static bool is_uuid(const char *s, size_t n)
{
	if (n != 36)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		if (hyphen ? s[i] != '-'
			   : !s[i] || !strchr("0123456789abcdefABCDEF", s[i]))
			return false;
	}
	return true;
}

static bool is_pointer(const char *s, size_t n)
{
	return n == 0 || text_has_format(s, n, FORMAT_POINTER);
}

static bool is_relative_pointer(const char *s, size_t n)
{
	size_t digits = strspn(s, "0123456789");
	if (digits == 0 || (*s == '0' && digits > 1))
		return false;
	if (s[digits] == '#')
		return digits + 1 == n;
	return is_pointer(s + digits, n - digits);
}

static bool is_regex(const char *s, size_t n)
{
	struct json_schema_pattern *p;
	if (!json_schema_pattern_compile(s, n, &p, NULL))
		return false;
	json_schema_pattern_destroy(p);
	return true;
}

/* RFC 3986's characters, with % before two hexadecimal digits. */
static bool is_uri_reference(const char *s, size_t n)
{
	size_t brackets = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%') {
			if (n - i < 3 || strspn(s + i + 1, "0123456789abcdefABCDEF") < 2)
				return false;
		} else if (!is_alnum(s[i]) &&
			   (!s[i] || !strchr("-._~:/?#[]@!$&'()*+,;=", s[i]))) {
			return false;
		}
		brackets += s[i] == '#';
	}
	return brackets < 2;
}

static bool is_uri(const char *s, size_t n)
{
	size_t scheme = strcspn(s, ":/?#");
	if (scheme == 0 || s[scheme] != ':' || !is_alnum(*s) || is_digit(*s))
		return false;
	for (size_t i = 0; i < scheme; i++) {
		if (!is_alnum(s[i]) && !strchr("+-.", s[i]))
			return false;
	}
	return is_uri_reference(s, n);
}

static bool is_uri_template(const char *s, size_t n)
{
	return text_has_format(s, n, FORMAT_URI_TEMPLATE);
}

static const struct {
	const char *name;
	bool (*holds)(const char *s, size_t n);
} formats[] = {
	{"date", is_date},
	{"date-time", is_date_time},
	{"duration", is_duration},
	{"email", is_email},
	{"hostname", is_hostname},
	{"ipv4", is_ipv4},
	{"ipv6", is_ipv6},
	{"json-pointer", is_pointer},
	{"regex", is_regex},
	{"relative-json-pointer", is_relative_pointer},
	{"time", is_time},
	{"uri", is_uri},
	{"uri-reference", is_uri_reference},
	{"uri-template", is_uri_template},
	{"uuid", is_uuid},
};

bool json_schema_format_holds(const char *format, const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (strcmp(formats[i].name, format) == 0)
			return formats[i].holds(s, n);
	}
	return true;
}
