/*
 * The state of jqcheck's parser: the token at hand, the brackets that are open, the names
 * that the source binds itself, and the first fault. After a fault the token is
 * JQTOKEN_FAULT, which nothing expects: every function returns. Private to check.c.
 */
#ifndef STEPWELL_JQ_PARSER_H
#define STEPWELL_JQ_PARSER_H

#include "jq/check.h"
#include "jq/scan.h"

enum name_kind { NAME_FUNCTION, NAME_VARIABLE, NAME_LABEL };

struct bound {
	enum name_kind kind;
	const char *s;
	size_t n;
	unsigned arity; /* of a function */
};

/* A bracket that is open; a chain on the stack. */
struct bracket {
	struct bracket *outer;
	const char *s;    /* where it opens */
	const char *text; /* "(" */
};

struct parser {
	struct jqlexer lexer;
	struct jqtoken token, before; /* the next one; the last one that was taken */
	const char *start;
	struct bracket *brackets; /* the innermost */
	struct bound *names;      /* the latest last */
	size_t count, cap;
	unsigned depth;
	bool exponents, divides; /* number literals with an exponent; a / or % */
	bool failed;
	const struct jqcheck_options *options;
	struct jqfault *fault;
};

/* The first fault counts. */
void parser_fail(struct parser *p, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Only libjq can say whether this compiles. */
void parser_doubt(struct parser *p, const char *at);
/* "WANTED is expected, not ..." at the token. */
void parser_unexpected(struct parser *p, const char *wanted);
/* "... cannot follow ... here" at the token. */
void parser_surplus(struct parser *p);

/* Whether the token is this operator, bracket or word. */
bool parser_is(const struct parser *p, const char *text);
bool parser_is_string(const struct parser *p);
bool parser_is_name(const struct parser *p); /* and no keyword */
bool parser_is_keyword(const struct parser *p);
bool parser_was(const struct parser *p, const char *text); /* the one before */
/* Whether the token is how another language writes something. */
bool parser_is_foreign(const struct parser *p);

void parser_next(struct parser *p);
bool parser_take(struct parser *p, const char *text); /* if it is that */
void parser_expect(struct parser *p, const char *text);
void parser_open(struct parser *p, struct bracket *b, const char *text);
void parser_close(struct parser *p, const char *text);

void parser_bind(struct parser *p, enum name_kind kind, struct jqtoken t, unsigned arity);
bool parser_binds(
	const struct parser *p, enum name_kind kind, struct jqtoken t, unsigned arity);

/* A token as it stands in a message: in quotes, cut to fit. */
#define TOKEN_SIZE 40
void token_quote(struct jqtoken t, char ret[TOKEN_SIZE]);

#endif
