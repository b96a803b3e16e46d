/* Log lines. */
#include "base/log.h"

#include "base/escape.h"
#include "base/json_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const words[] = {"error", "warning", "info", "debug"};
static enum log_level chosen_level = LOG_INFO;
static enum log_format chosen_format = LOG_TEXT;

void log_choose(enum log_level most, enum log_format format)
{
	chosen_level = most;
	chosen_format = format;
}

bool log_shows(enum log_level level)
{
	return level <= chosen_level;
}

/* For people; nothing is decided by it. */
static void put_time(struct buf *out)
{
	char stamp[32];
	struct timespec ts;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "%s.%03ldZ", stamp, ts.tv_nsec / 1000000);
}

static void put_member(struct buf *out, const char *name, const char *text)
{
	json_put_key(out, name);
	json_put_text(out, text);
}

static void put_json(
	struct buf *out, enum log_level level, const char *run, const char *text)
{
	struct buf at = {0};
	put_time(&at);
	buf_putc(out, '{');
	put_member(out, "at", buf_text(&at));
	put_member(out, "level", words[level]);
	put_member(out, "message", text);
	buf_printf(out, ",\"process\":%d", (int)getpid());
	if (run)
		put_member(out, "run", run);
	buf_puts(out, "}\n");
	buf_finish(&at);
}

static void put_text(
	struct buf *out, enum log_level level, const char *run, const char *text)
{
	put_time(out);
	buf_printf(out, " %s: %s%s%s%s\n", words[level], run ? "run " : "",
		run ? run : "", run ? ": " : "", text);
}

/* In one write: lines of several processes do not mix. */
static void write_line(
	enum log_level level, const char *run, const char *format, va_list args)
{
	struct buf safe = {0}, line = {0};
	char *text = NULL;
	if (level > chosen_level)
		return;
	if (vasprintf(&text, format, args) < 0)
		abort();
	escape_text(text, strlen(text), false, &safe);
	if (chosen_format == LOG_JSON)
		put_json(&line, level, run, buf_text(&safe));
	else
		put_text(&line, level, run, buf_text(&safe));
	fwrite(buf_text(&line), 1, line.len, stderr);
	fflush(stderr);
	buf_finish(&line);
	buf_finish(&safe);
	free(text);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	write_line(level, NULL, format, args);
	va_end(args);
}

void log_run(enum log_level level, struct uuid run, const char *format, ...)
{
	va_list args;
	char id[UUID_TEXT];
	uuid_format(run, id);
	va_start(args, format);
	write_line(level, id, format, args);
	va_end(args);
}
