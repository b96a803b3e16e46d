/* Durations: parts in units, added up exactly and bounded as they are added. */
#include "definition/duration.h"

#include "json/names.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY (86400 * USEC_PER_SEC)

static bool refuse_length(struct error *err)
{
	return error_set(
		err, ERROR_INPUT, "it is longer than a century (36600 days), the limit");
}

/* ---- Text ---- */

static bool take_number(const char **p, double *ret)
{
	char *end;
	if (!isdigit((unsigned char)**p))
		return false;
	*ret = strtod(*p, &end);
	if (memchr(*p, 'e', (size_t)(end - *p)) || memchr(*p, 'x', (size_t)(end - *p)))
		return false;
	*p = end;
	return true;
}

static bool add_fraction(double number, int64_t unit, double *total)
{
	*total += number * (double)unit;
	return *total <= (double)DURATION_MAX;
}

/* The parts after P, in the order of their units; ret is infinite if it is too long. */
static bool parse_iso(const char *p, double *ret)
{
	static const char units[] = "YMWDTHMS";
	static const int64_t lengths[] = {365 * DAY, 30 * DAY, 7 * DAY, DAY, 0,
		3600 * USEC_PER_SEC, 60 * USEC_PER_SEC, USEC_PER_SEC};
	double total = 0, number;
	int place = 0, parts = 0;
	for (p++; *p; p++) {
		if (*p == 'T' && place <= 4 && p[1]) {
			place = 5;
			continue;
		}
		if (!take_number(&p, &number))
			return false;
		int last = place < 5 ? 4 : 8;
		while (place < last && units[place] != *p)
			place++;
		if (place == last)
			return false;
		if (!add_fraction(number, lengths[place++], &total))
			total = INFINITY;
		parts++;
	}
	*ret = total;
	return parts > 0;
}

static bool read_iso(struct json v, int64_t *ret_usec, struct error *err)
{
	char *text = json_strdup(v);
	double total;
	bool ok = text && *text == 'P' && parse_iso(text, &total);
	free(text);
	if (!ok)
		return error_set(err, ERROR_INPUT,
			"an object such as {\"seconds\": 3} or ISO 8601 such as "
			"\"PT3S\" is expected");
	if (isinf(total))
		return refuse_length(err);
	*ret_usec = (int64_t)llround(total);
	return true;
}

bool duration_parse(const char *text, int64_t *ret_usec)
{
	static const struct {
		const char *name;
		int64_t usec;
	} units[] = {{"ms", USEC_PER_MS}, {"s", USEC_PER_SEC}, {"m", 60 * USEC_PER_SEC},
		{"h", 3600 * USEC_PER_SEC}, {"d", DAY}};
	double number, total = 0;
	const char *p = text;
	bool ok = *p == 'P' && parse_iso(p, &total);
	if (*p != 'P' && take_number(&p, &number)) {
		for (size_t i = 0; i < sizeof units / sizeof *units && !ok; i++)
			ok = strcmp(p, units[i].name) == 0 &&
			     add_fraction(number, units[i].usec, &total);
	}
	if (!ok || isinf(total))
		return false;
	*ret_usec = (int64_t)llround(total);
	return true;
}

/* ---- Objects ---- */

static const char *const names[] = {
	"days", "hours", "minutes", "seconds", "milliseconds", NULL};

static bool refuse_member(struct json key, struct error *err)
{
	const char *near = word_nearest(names, key);
	struct buf list = {0};
	word_put_all(names, &list);
	error_set(err, ERROR_INPUT, "unknown member %.*s; %s%s%s",
		key.n > 64 ? 64 : (int)key.n, key.s,
		near ? "did you mean \"" : "a member is ", near ? near : buf_text(&list),
		near ? "\"?" : "");
	buf_finish(&list);
	return false;
}

static bool add_member(struct json key, struct json v, int64_t *total, struct error *err)
{
	static const int64_t units[] = {
		DAY, 3600 * USEC_PER_SEC, 60 * USEC_PER_SEC, USEC_PER_SEC, USEC_PER_MS};
	int64_t n;
	size_t i = 0;
	while (names[i] && !json_string_is(key, names[i]))
		i++;
	if (!names[i])
		return refuse_member(key, err);
	if (json_type(v) != JSON_NUMBER || *v.s == '-' ||
		(!json_int(v, &n) && memchr(v.s, '.', v.n)))
		return error_set(err, ERROR_INPUT,
			"\"%s\" must be a whole number of 0 or more", names[i]);
	if (!json_int(v, &n) || n > (DURATION_MAX - *total) / units[i])
		return refuse_length(err);
	*total += n * units[i];
	return true;
}

static bool read_object(struct json v, int64_t *ret_usec, struct error *err)
{
	struct json_iter it = json_iter(v);
	struct json key, member;
	int64_t total = 0;
	size_t count = 0;
	for (; json_next_member(&it, &key, &member); count++) {
		if (!add_member(key, member, &total, err))
			return false;
	}
	if (count == 0)
		return error_set(err, ERROR_INPUT,
			"an object such as {\"seconds\": 3} is expected");
	*ret_usec = total;
	return true;
}

bool duration_read(struct json v, int64_t *ret_usec, struct error *err)
{
	return json_type(v) == JSON_OBJECT ? read_object(v, ret_usec, err)
					   : read_iso(v, ret_usec, err);
}
