/* Clocks, RFC 3339 text, and randomness. */
#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

int64_t clock_boottime(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

int64_t clock_processor(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

int64_t clock_wall(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

uint64_t random_u64(void)
{
	uint64_t v;
	while (getrandom(&v, sizeof v, 0) != (ssize_t)sizeof v)
		;
	return v;
}

void clock_format(int64_t usec, char out[CLOCK_TEXT])
{
	int64_t sec = usec / USEC_PER_SEC, frac = usec % USEC_PER_SEC;
	if (frac < 0) {
		frac += USEC_PER_SEC;
		sec--;
	}
	time_t t = (time_t)sec;
	struct tm tm;
	if (!gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900) {
		snprintf(out, CLOCK_TEXT, "infinity");
		return;
	}
	/* strftime does not fill years up to four digits. */
	char text[64];
	snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		tm.tm_sec, (int)frac);
	memcpy(out, text, CLOCK_TEXT - 1);
	out[CLOCK_TEXT - 1] = '\0';
}

/* Exactly n digits at *p; moves *p. */
static bool digits(const char **p, int n, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		v = v * 10 + (**p - '0');
	}
	*ret = v;
	return true;
}

static bool literal(const char **p, char c)
{
	if (tolower((unsigned char)**p) != tolower((unsigned char)c))
		return false;
	(*p)++;
	return true;
}

static int64_t fraction(const char **p)
{
	int64_t frac = 0, unit = USEC_PER_SEC / 10;
	for (; isdigit((unsigned char)**p); (*p)++, unit /= 10)
		frac += unit * (**p - '0');
	return frac;
}

static bool parse_offset(const char **p, int *ret_seconds)
{
	int hours, minutes, sign = **p == '-' ? -1 : 1;
	*ret_seconds = 0;
	if (literal(p, 'Z'))
		return true;
	if (**p != '+' && **p != '-')
		return false;
	(*p)++;
	if (!digits(p, 2, &hours) || !literal(p, ':') || !digits(p, 2, &minutes))
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return hours < 24 && minutes < 60;
}

static bool valid_date(const struct tm *tm)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = tm->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1 ||
		tm->tm_mday > days[tm->tm_mon] ||
		(tm->tm_mon == 1 && tm->tm_mday == 29 && !leap))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

bool clock_parse(const char *p, int64_t *ret_usec)
{
	struct tm tm = {0};
	int64_t frac = 0;
	int offset;
	if (!digits(&p, 4, &tm.tm_year) || !literal(&p, '-') ||
		!digits(&p, 2, &tm.tm_mon) || !literal(&p, '-') ||
		!digits(&p, 2, &tm.tm_mday) || (!literal(&p, 'T') && !literal(&p, ' ')) ||
		!digits(&p, 2, &tm.tm_hour) || !literal(&p, ':') ||
		!digits(&p, 2, &tm.tm_min) || !literal(&p, ':') ||
		!digits(&p, 2, &tm.tm_sec))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (literal(&p, '.')) {
		if (!isdigit((unsigned char)*p))
			return false;
		frac = fraction(&p);
	}
	if (!parse_offset(&p, &offset) || *p || !valid_date(&tm))
		return false;
	*ret_usec = ((int64_t)timegm(&tm) - offset) * USEC_PER_SEC + frac;
	return true;
}

bool clock_parse_http(const char *text, int64_t *ret_usec)
{
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		if (end && !*end) {
			*ret_usec = (int64_t)timegm(&tm) * USEC_PER_SEC;
			return true;
		}
	}
	return false;
}

void duration_format(int64_t usec, char *out, size_t size)
{
	int64_t s = usec / USEC_PER_SEC;
	if (usec < 10 * USEC_PER_MS)
		snprintf(out, size, "%.1fms", (double)usec / 1e3);
	else if (usec < USEC_PER_SEC)
		snprintf(out, size, "%dms", (int)(usec / USEC_PER_MS));
	else if (s < 60)
		snprintf(out, size, "%.1fs", (double)usec / 1e6);
	else if (s < 3600)
		snprintf(out, size, "%dm %ds", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(out, size, "%dh %dm", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(out, size, "%lldd %dh", (long long)(s / 86400),
			(int)(s / 3600 % 24));
}
