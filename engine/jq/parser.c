/* Tokens and faults: what is wrong is said in terms of what the author wrote. */
#include "jq/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static const char *const keywords[] = {"__loc__", "and", "as", "break", "catch", "def",
	"elif", "else", "end", "foreach", "if", "import", "include", "label", "module",
	"or", "reduce", "then", "try"};

enum { NAMES_MAX = 2000 };

/* ---- Faults ---- */

void parser_fail(struct parser *p, const char *at, const char *format, ...)
{
	p->token.kind = JQTOKEN_FAULT;
	if (p->failed)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(p->fault->text, sizeof p->fault->text, format, args);
	va_end(args);
	p->fault->at = at - p->start;
	p->failed = true;
}

void parser_doubt(struct parser *p, const char *at)
{
	parser_fail(p, at, "%s", "");
}

/* How jq writes what is known from other languages; NULL if it is nothing of that. */
static const char *foreign(const struct parser *p)
{
	const char *s = p->token.s;
	bool adjacent = p->before.s && p->before.s + p->before.n == s;
	if (s == p->lexer.end)
		return NULL;
	if (p->start[0] == '{' && p->start[1] == '{')
		return "an expression is written ${ ... }, not {{ ... }}";
	if (*s == '\'' || *s == '`')
		return "a string stands in double quotes";
	if (*s == '&')
		return "&& is written \"and\"";
	if (*s == '|' && adjacent && parser_was(p, "|"))
		return "|| is written \"or\"";
	if (*s == '=' && adjacent && (parser_was(p, "==") || parser_was(p, "!=")))
		return "equality is written ==, inequality !=";
	if (*s == '!')
		return "negation is written \"... | not\"";
	if (parser_was(p, "$") && (*s == '.' || *s == '['))
		return "the data is \".\" in jq, not \"$\" as in JSONPath";
	if (parser_was(p, "?"))
		return "a choice is written \"if ... then ... else ... end\"";
	return NULL;
}

bool parser_is_foreign(const struct parser *p)
{
	return !p->failed && foreign(p);
}

void token_quote(struct jqtoken t, char ret[TOKEN_SIZE])
{
	int n = t.n > 24 ? 24 : (int)t.n;
	while (n > 0 && n < (int)t.n && ((unsigned char)t.s[n] & 0xC0) == 0x80)
		n--;
	const char *quote = t.n && *t.s == '"' ? "" : "\"";
	snprintf(ret, TOKEN_SIZE, "%s%.*s%s%s", quote, n, t.s, n < (int)t.n ? "..." : "",
		quote);
}

/* A string or bracket that is not closed, or closed by another. */
static void fail_lexer(struct parser *p)
{
	const struct jqlexer *l = &p->lexer;
	const struct bracket *b = p->brackets;
	const char *s = p->token.s;
	char open = l->depth ? l->closers[l->depth - 1] : '\0';
	if (strcmp(l->fault, "unfinished string") == 0)
		parser_fail(p, s, "this string is never closed: a \" is missing");
	else if (s == l->end && b)
		parser_fail(p, b->s, "this %s is never closed", b->text);
	else if (strchr(")]}", *s) && open)
		parser_fail(p, s, "%c is missing before this %c",
			open == '"' ? ')' : open, *s);
	else if (strchr(")]}", *s))
		parser_fail(p, s, "this %c closes nothing", *s);
	else
		parser_fail(p, s, "%s", l->fault);
}

void parser_unexpected(struct parser *p, const char *wanted)
{
	char token[TOKEN_SIZE], before[TOKEN_SIZE], quoted[TOKEN_SIZE];
	const char *s = p->token.s;
	if (p->failed)
		return;
	const char *hint = foreign(p);
	if (hint)
		parser_fail(p, s, "%s", hint);
	else if (p->token.kind == JQTOKEN_FAULT)
		fail_lexer(p);
	token_quote(p->token, token);
	token_quote(p->before, before);
	if (!strchr(wanted, ' ')) {
		snprintf(quoted, sizeof quoted, "\"%s\"", wanted);
		wanted = quoted;
	}
	if (p->token.kind == JQTOKEN_END && !p->before.s)
		parser_fail(p, s, "the expression is empty");
	else if (p->token.kind == JQTOKEN_END)
		parser_fail(p, s, "%s is missing after %s", wanted, before);
	else if (p->before.s)
		parser_fail(
			p, s, "%s is expected after %s, not %s", wanted, before, token);
	else
		parser_fail(p, s, "%s is expected, not %s", wanted, token);
}

void parser_surplus(struct parser *p)
{
	char token[TOKEN_SIZE], before[TOKEN_SIZE];
	token_quote(p->token, token);
	token_quote(p->before, before);
	if (p->failed || p->token.kind == JQTOKEN_FAULT || foreign(p))
		parser_unexpected(p, "an operator");
	else
		parser_fail(p, p->token.s, "%s cannot follow %s here", token, before);
}

/* ---- Tokens ---- */

bool parser_is(const struct parser *p, const char *text)
{
	size_t n = strlen(text);
	return (p->token.kind == JQTOKEN_MARK || p->token.kind == JQTOKEN_NAME) &&
	       p->token.n == n && memcmp(p->token.s, text, n) == 0;
}

bool parser_was(const struct parser *p, const char *text)
{
	size_t n = strlen(text);
	return p->before.n == n && memcmp(p->before.s, text, n) == 0;
}

bool parser_is_string(const struct parser *p)
{
	/* An OPEN goes on after an interpolation where it begins with a ). */
	return p->token.kind == JQTOKEN_STRING ||
	       (p->token.kind == JQTOKEN_OPEN && *p->token.s == '"');
}

bool parser_is_keyword(const struct parser *p)
{
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
		if (p->token.kind == JQTOKEN_NAME && parser_is(p, keywords[i]))
			return true;
	}
	return false;
}

bool parser_is_name(const struct parser *p)
{
	return p->token.kind == JQTOKEN_NAME && !parser_is_keyword(p) &&
	       !memchr(p->token.s, ':', p->token.n);
}

/* jqscan reads marks one by one: jq takes the longest operator. */
static void join_marks(struct parser *p)
{
	static const char *const operators[] = {"?//", "//=", "..", "==", "!=", "//",
		"|=", "+=", "-=", "*=", "/=", "%=", "<=", ">="};
	struct jqtoken *t = &p->token;
	size_t left = (size_t)(p->lexer.end - t->s);
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		size_t n = strlen(operators[i]);
		if (n > left || memcmp(t->s, operators[i], n) != 0)
			continue;
		p->lexer.p += n - t->n;
		t->n = n;
		break;
	}
	/* To jq 1.6 a longer row of dots and digits is a number that is none. */
	if (*t->s == '.' && t->n == 2 && left > 2 && strchr(".0123456789", t->s[2]))
		parser_doubt(p, t->s);
}

void parser_next(struct parser *p)
{
	if (p->failed)
		return;
	p->before = p->token;
	p->token = jqlexer_next(&p->lexer);
	if (p->token.kind == JQTOKEN_MARK)
		join_marks(p);
}

void parser_expect(struct parser *p, const char *text)
{
	if (parser_is(p, text))
		parser_next(p);
	else
		parser_unexpected(p, text);
}

bool parser_take(struct parser *p, const char *text)
{
	bool there = !p->failed && parser_is(p, text);
	if (there)
		parser_next(p);
	return there;
}

void parser_open(struct parser *p, struct bracket *b, const char *text)
{
	*b = (struct bracket){p->brackets, p->token.s, text};
	p->brackets = b;
	parser_next(p);
}

void parser_close(struct parser *p, const char *text)
{
	bool end = p->token.kind == JQTOKEN_FAULT || p->token.kind == JQTOKEN_END;
	if (parser_is(p, text) || end)
		parser_expect(p, text);
	else
		parser_surplus(p);
	if (!p->failed)
		p->brackets = p->brackets->outer;
}

/* ---- Names ---- */

void parser_bind(struct parser *p, enum name_kind kind, struct jqtoken t, unsigned arity)
{
	if (p->count == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->names = xrealloc(p->names, p->cap * sizeof *p->names);
	}
	p->names[p->count++] = (struct bound){kind, t.s, t.n, arity};
	if (p->count > NAMES_MAX)
		parser_doubt(p, t.s);
}

bool parser_binds(
	const struct parser *p, enum name_kind kind, struct jqtoken t, unsigned arity)
{
	for (size_t i = p->count; i > 0; i--) {
		const struct bound *b = &p->names[i - 1];
		if (b->kind == kind && b->arity == arity && b->n == t.n &&
			memcmp(b->s, t.s, t.n) == 0)
			return true;
	}
	return false;
}
