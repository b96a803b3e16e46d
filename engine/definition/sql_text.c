/*
 * A lexer that knows just enough of SQL to find the first keyword and the end of a
 * statement. It never judges syntax: the server does. What it cannot see through (an
 * unfinished string or comment) it refuses.
 */
#include "definition/sql_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const allowed[] = {
	"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "CALL", "DO"};

static const char *const transaction_control[] = {"BEGIN", "START", "COMMIT", "END",
	"ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PREPARE"};

static bool is_word_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word(char c)
{
	return is_word_start(c) || isdigit((unsigned char)c);
}

static bool refuse(struct error *err, const char *why)
{
	return error_set(err, ERROR_INPUT, "%s", why);
}

static bool refuse_expression(struct error *err)
{
	return refuse(err,
		"${ } in a statement is not replaced: write $1, $2, ... there and "
		"give the values in \"parameters\"");
}

/* p is behind the opening quote; returns the place behind the closing one, NULL if none.
 */
static const char *after_quoted(const char *p, char quote, bool backslash)
{
	for (; *p; p++) {
		if (backslash && *p == '\\' && p[1]) {
			p++;
		} else if (*p == quote) {
			if (p[1] != quote)
				return p + 1;
			p++;
		}
	}
	return NULL;
}

/* Comments nest, as in PostgreSQL. */
static const char *after_comment(const char *p)
{
	int depth = 0;
	while (*p) {
		if (p[0] == '/' && p[1] == '*') {
			depth++;
			p += 2;
		} else if (p[0] == '*' && p[1] == '/') {
			p += 2;
			if (--depth == 0)
				return p;
		} else {
			p++;
		}
	}
	return NULL;
}

/* Behind white space and comments; NULL if a comment does not end. */
static const char *after_blank(const char *p)
{
	while (p) {
		if (*p && strchr(" \t\n\r\f\v", *p))
			p++;
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\n\r");
		else if (p[0] == '/' && p[1] == '*')
			p = after_comment(p);
		else
			break;
	}
	return p;
}

/* Length of $$ or $tag$ at p, 0 if there is none. */
static size_t dollar_tag(const char *p)
{
	size_t n = 1;
	if (is_word_start(p[n])) {
		while (is_word(p[n]))
			n++;
	}
	return p[n] == '$' ? n + 1 : 0;
}

static const char *after_dollar_quote(const char *p, size_t tag)
{
	for (const char *q = p + tag; (q = strchr(q, '$')); q++) {
		if (strncmp(q, p, tag) == 0)
			return q + tag;
	}
	return NULL;
}

static bool holds_expression(const char *from, const char *to)
{
	for (const char *p = from; p + 1 < to; p++) {
		if (p[0] == '$' && p[1] == '{')
			return true;
	}
	return false;
}

/* Behind the string, quoted identifier or dollar quote at p; p itself if none starts
 * here; NULL after a refusal. */
static const char *after_literal(const char *start, const char *p, struct error *err)
{
	const char *end, *body = p + 1;
	if (*p == '\'' || *p == '"') {
		bool escapes = *p == '\'' && p > start &&
			       (p[-1] == 'e' || p[-1] == 'E') &&
			       (p - 1 == start || !is_word(p[-2]));
		end = after_quoted(body, *p, escapes);
	} else if (*p == '$' && dollar_tag(p) && (p == start || !is_word(p[-1]))) {
		body = p + dollar_tag(p);
		end = after_dollar_quote(p, dollar_tag(p));
	} else {
		return p;
	}
	if (!end)
		refuse(err,
			"a string or quoted identifier in the statement does not end");
	else if (holds_expression(body, end))
		refuse_expression(err);
	else
		return end;
	return NULL;
}

static bool check_keyword(const char *p, struct error *err)
{
	size_t n = 0;
	while (is_word(p[n]))
		n++;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		if (strlen(allowed[i]) == n && strncasecmp(p, allowed[i], n) == 0)
			return true;
	}
	int shown = n > 30 ? 30 : (int)n;
	for (size_t i = 0; i < sizeof transaction_control / sizeof *transaction_control;
		i++) {
		const char *word = transaction_control[i];
		if (strlen(word) == n && strncasecmp(p, word, n) == 0)
			return error_set(err, ERROR_INPUT,
				"%.*s is transaction control: a step runs in a "
				"transaction of "
				"its own",
				shown, p);
	}
	if (n == 0)
		return refuse(err, *p ? "the statement does not start with a keyword"
				      : "the statement is empty");
	return error_set(err, ERROR_INPUT,
		"%.*s is not allowed in a step: SELECT, INSERT, UPDATE, DELETE, MERGE, "
		"WITH, "
		"VALUES, CALL and DO are",
		shown, p);
}

/* From p to the end: one statement and nothing behind it. */
static bool check_single(const char *start, const char *p, struct error *err)
{
	for (;;) {
		p = after_blank(p);
		if (!p)
			return refuse(err, "a comment in the statement does not end");
		if (!*p)
			return true;
		if (*p == ';') {
			p = after_blank(p + 1);
			return (p && !*p) ||
			       refuse(err,
				       "two statements: a step runs one; use one step "
				       "each, or WITH, or DO");
		}
		if (p[0] == '$' && p[1] == '{')
			return refuse_expression(err);
		const char *end = after_literal(start, p, err);
		if (!end)
			return false;
		p = end > p ? end : p + 1;
	}
}

bool sql_text_check(const char *statement, struct error *err)
{
	const char *p = after_blank(statement);
	while (p && *p == '(')
		p = after_blank(p + 1);
	if (!p)
		return refuse(err, "a comment in the statement does not end");
	if (p[0] == '$' && p[1] == '{')
		return refuse_expression(err);
	return check_keyword(p, err) && check_single(statement, p, err);
}

/* Behind the name at p, which may hold $ as in PostgreSQL; p itself if none starts here.
 */
static const char *after_name(const char *p)
{
	if (!is_word_start(*p))
		return p;
	while (is_word(*p) || *p == '$')
		p++;
	return p;
}

struct sql_named sql_text_named(const char *statement)
{
	struct sql_named named = {0};
	struct error ignored;
	const char *p = statement;
	while ((p = after_blank(p)) && *p) {
		const char *end = after_literal(statement, p, &ignored);
		if (end == p)
			end = after_name(p);
		if (!end)
			break;
		if (end > p) {
			p = end;
			continue;
		}
		long n = *p == '$' ? strtol(isdigit((unsigned char)p[1]) ? p + 1 : "0",
					     NULL, 10)
				   : 0;
		if (n > 0 && n <= 64)
			named.first |= (uint64_t)1 << (n - 1);
		if (n > named.highest)
			named.highest = n;
		p++;
	}
	return named;
}
