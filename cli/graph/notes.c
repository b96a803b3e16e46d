/*
 * Texts of a picture that several kinds of tasks share: durations, events, errors and
 * retry policies, as one line each.
 */
#include "graph/describe.h"

#include "base/escape.h"
#include "definition/duration.h"
#include "definition/task.h"

#include <stdlib.h>
#include <string.h>

/* ---- Texts ---- */

void graph_say_words(struct buf *out, const char *words)
{
	if (out->len > 0 && *words)
		buf_putc(out, ' ');
	buf_puts(out, words);
}

/* Enough for what is shown; a text may be as large as the document. */
static void add_cut(struct buf *out, const char *s, size_t n)
{
	size_t most = 2 * GRAPH_TEXT_MAX;
	for (; n > most && ((unsigned char)s[most] & 0xC0) == 0x80;)
		most--;
	buf_add(out, s, n < most ? n : most);
}

void graph_say(struct buf *out, struct json v)
{
	struct buf text = {0};
	if (!v.s)
		return;
	if (out->len > 0)
		buf_putc(out, ' ');
	if (json_type(v) == JSON_STRING)
		json_string(v, &text);
	else
		buf_add(&text, v.s, v.n);
	if (text.len > 0)
		add_cut(out, text.data, text.len);
	buf_finish(&text);
}

/* Bytes of the text that fit, at the end of a character. */
static size_t fitting(const char *s, size_t n)
{
	if (n <= GRAPH_TEXT_MAX)
		return n;
	for (n = GRAPH_TEXT_MAX; n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80;)
		n--;
	return n;
}

char *graph_said(struct buf *b)
{
	struct buf line = {0}, safe = {0};
	for (size_t i = 0; i < b->len; i++) {
		char c = b->data[i];
		bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
		if (!space)
			buf_putc(&line, c);
		else if (line.len > 0 && line.data[line.len - 1] != ' ')
			buf_putc(&line, ' ');
	}
	size_t n = fitting(buf_text(&line), line.len);
	bool cut = n < line.len;
	while (n > 0 && line.data[n - 1] == ' ')
		n--;
	escape_text(buf_text(&line), n, false, &safe);
	if (cut)
		buf_puts(&safe, "…");
	buf_finish(&line);
	buf_finish(b);
	return buf_take(&safe);
}

char *graph_shown(struct json v)
{
	struct buf b = {0};
	graph_say(&b, v);
	return graph_said(&b);
}

void graph_add_line(char ***lines, char *text)
{
	size_t n = 0;
	while (*lines && (*lines)[n])
		n++;
	*lines = xrealloc(*lines, (n + 2) * sizeof **lines);
	(*lines)[n] = text;
	(*lines)[n + 1] = NULL;
}

void graph_free_lines(char **lines)
{
	for (char **line = lines; line && *line; line++)
		free(*line);
	free(lines);
}

/* ---- Durations ---- */

static void say_span(struct buf *out, int64_t usec)
{
	static const struct {
		const char *name;
		int64_t usec;
	} units[] = {{"d", 86400 * USEC_PER_SEC}, {"h", 3600 * USEC_PER_SEC},
		{"m", 60 * USEC_PER_SEC}, {"s", USEC_PER_SEC}, {"ms", USEC_PER_MS}};
	bool said = false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		int64_t n = usec / units[i].usec;
		usec %= units[i].usec;
		if (n == 0)
			continue;
		buf_printf(out, "%s%lld%s", out->len > 0 ? " " : "", (long long)n,
			units[i].name);
		said = true;
	}
	if (!said)
		graph_say_words(out, "0s");
}

void graph_say_duration(struct buf *out, struct json v)
{
	int64_t usec;
	if (v.s && duration_read(v, &usec, NULL))
		say_span(out, usec);
	else
		graph_say(out, v);
}

/* ---- Events ---- */

static void say_filter(struct buf *out, struct json filter)
{
	struct json with = json_get(filter, "with"), key, value;
	struct json type = json_get(with, "type");
	struct json_iter it = json_iter(with);
	if (type.s) {
		graph_say(out, type);
	} else if (json_type(with) == JSON_OBJECT &&
		   json_next_member(&it, &key, &value)) {
		graph_say(out, key);
		graph_say(out, value);
	} else {
		graph_say_words(out, "any event");
	}
}

static void say_filters(struct buf *out, const char *words, struct json filters)
{
	struct json_iter it = json_iter(filters);
	struct json filter;
	bool first = true;
	if (json_count(filters) == 0) {
		graph_say_words(out, "any event");
		return;
	}
	if (json_count(filters) > 1)
		graph_say_words(out, words);
	while (json_next_element(&it, &filter) && out->len < 2 * GRAPH_TEXT_MAX) {
		if (!first)
			buf_putc(out, ',');
		say_filter(out, filter);
		first = false;
	}
}

void graph_say_strategy(struct buf *out, struct json strategy)
{
	struct json all = json_get(strategy, "all"), any = json_get(strategy, "any");
	struct json one = json_get(strategy, "one"), until = json_get(strategy, "until");
	if (all.s)
		say_filters(out, "all of", all);
	else if (any.s)
		say_filters(out, "any of", any);
	else if (one.s)
		say_filter(out, one);
	if (!until.s)
		return;
	graph_say_words(out, "until");
	if (json_type(until) == JSON_OBJECT)
		graph_say_strategy(out, until);
	else
		graph_say(out, until);
}

char *graph_trigger(struct json schedule)
{
	struct buf b = {0};
	struct json every = json_get(schedule, "every"), on = json_get(schedule, "on");
	struct json cron = json_get(schedule, "cron"),
		    after = json_get(schedule, "after");
	if (json_type(schedule) != JSON_OBJECT)
		return NULL;
	if (every.s)
		graph_say_words(&b, "every");
	graph_say_duration(&b, every);
	if (cron.s)
		graph_say_words(&b, "cron");
	graph_say(&b, cron);
	if (after.s)
		graph_say_words(&b, "again after");
	graph_say_duration(&b, after);
	if (on.s)
		graph_say_words(&b, "on");
	graph_say_strategy(&b, on);
	return graph_said(&b);
}

/* ---- Retry ---- */

static const char *backoff_word(struct json backoff)
{
	if (json_get(backoff, "exponential").s)
		return "exponential";
	return json_get(backoff, "linear").s ? "linear" : "";
}

/* A policy, or the name of one. */
static char *retry_line(struct json retry, struct graph_uses *uses)
{
	struct buf b = {0};
	struct json policy = retry;
	buf_puts(&b, "retry");
	if (json_type(retry) == JSON_STRING) {
		char *name = json_strdup(retry);
		policy = json_index_get(&uses->index, uses->retries, name);
		free(name);
		graph_say(&b, retry);
		if (policy.s)
			buf_putc(&b, ':');
	}
	struct json limit = json_get(policy, "limit");
	struct json count = json_get(json_get(limit, "attempt"), "count");
	if (count.s) {
		graph_say(&b, count);
		graph_say_words(&b, json_is(count, "1") ? "time" : "times");
	}
	if (json_get(policy, "delay").s)
		graph_say_words(&b, "after");
	graph_say_duration(&b, json_get(policy, "delay"));
	graph_say_words(&b, backoff_word(json_get(policy, "backoff")));
	if (json_get(limit, "duration").s)
		graph_say_words(&b, "for at most");
	graph_say_duration(&b, json_get(limit, "duration"));
	if (json_get(policy, "when").s)
		graph_say_words(&b, "when");
	graph_say(&b, json_get(policy, "when"));
	if (json_get(policy, "exceptWhen").s)
		graph_say_words(&b, "except when");
	graph_say(&b, json_get(policy, "exceptWhen"));
	return graph_said(&b);
}

/* ---- Notes ---- */

static void note(char ***lines, const char *words, struct json v)
{
	struct buf b = {0};
	if (!v.s)
		return;
	buf_puts(&b, words);
	graph_say(&b, v);
	graph_add_line(lines, graph_said(&b));
}

static void note_timeout(char ***lines, struct json timeout)
{
	struct buf b = {0};
	struct json after = json_get(timeout, "after");
	if (!timeout.s)
		return;
	buf_puts(&b, "timeout");
	graph_say_duration(&b, after.s ? after : timeout);
	graph_add_line(lines, graph_said(&b));
}

char **graph_notes(struct json task, struct graph_uses *uses)
{
	char **lines = NULL;
	struct json metadata = json_get(task, "metadata");
	struct json policy = json_get(metadata, "retryPolicy");
	note(&lines, "if", json_get(task, "if"));
	note(&lines, "while", json_get(task, "while"));
	note_timeout(&lines, json_get(task, "timeout"));
	if (policy.s)
		graph_add_line(&lines, retry_line(policy, uses));
	if (json_is(json_get(json_get(task, "run"), "await"), "false"))
		graph_add_line(&lines, xstrdup("does not wait for it"));
	return lines;
}

char *graph_catch_title(struct json catch)
{
	struct buf b = {0};
	struct json with = json_get(json_get(catch, "errors"), "with"), key, value;
	struct json_iter it = json_iter(with);
	bool any = json_type(with) != JSON_OBJECT;
	buf_puts(&b, "catch");
	while (!any && json_next_member(&it, &key, &value)) {
		char *text = graph_shown(value);
		const char *slash = strrchr(text, '/');
		bool type = json_string_is(key, "type") && slash && slash[1];
		graph_say_words(&b, type ? slash + 1 : text);
		free(text);
	}
	if (any)
		graph_say_words(&b, "any error");
	if (json_get(catch, "as").s)
		graph_say_words(&b, "as");
	graph_say(&b, json_get(catch, "as"));
	return graph_said(&b);
}

char **graph_catch_notes(struct json catch, struct graph_uses *uses)
{
	char **lines = NULL;
	struct json retry = json_get(catch, "retry");
	note(&lines, "when", json_get(catch, "when"));
	note(&lines, "except when", json_get(catch, "exceptWhen"));
	if (retry.s)
		graph_add_line(&lines, retry_line(retry, uses));
	return lines;
}
