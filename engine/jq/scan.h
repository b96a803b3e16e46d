/*
 * Reads jq source just far enough to know, without libjq, where it ends, which $names it
 * mentions, and whether it may reach libjq at all: brackets and strings must be closed
 * (so that it cannot leave the parentheses it is put in) and the functions that see the
 * process or stop it are refused. The tokens are those of jq 1.6's lexer.
 */
#ifndef STEPWELL_JQ_SCAN_H
#define STEPWELL_JQ_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum jqtoken_kind {
	JQTOKEN_END,
	JQTOKEN_FAULT,  /* lexer.fault says why */
	JQTOKEN_NAME,   /* an identifier or keyword */
	JQTOKEN_FIELD,  /* .name */
	JQTOKEN_NUMBER, /* digits and dots, perhaps not a number */
	JQTOKEN_STRING, /* from quote to quote */
	JQTOKEN_OPEN,   /* a string up to its first \( */
	JQTOKEN_CLOSE,  /* a string from the ) of an interpolation on */
	JQTOKEN_FORMAT, /* @name */
	JQTOKEN_MARK,   /* one other character */
};

struct jqtoken {
	enum jqtoken_kind kind;
	const char *s; /* in the source */
	size_t n;
};

#define JQLEXER_DEPTH 256u

struct jqlexer {
	char *p, *end;     /* comments are overwritten with blanks as they are read */
	const char *fault; /* NULL while all is well */
	unsigned depth;
	char closers[JQLEXER_DEPTH]; /* what closes each open bracket; '"' for a \( */
};

void jqlexer_init(struct jqlexer *l, char *s, size_t n);
struct jqtoken jqlexer_next(struct jqlexer *l);
bool jqtoken_is(struct jqtoken t, char mark);

/* A set of C strings; zeroed, it is empty. */
struct words {
	char **items;
	size_t n;
};
void words_finish(struct words *w);
void words_add(struct words *w, const char *s, size_t n);
bool words_has(const struct words *w, const char *s);

/* The members of a variable that are mentioned: $steps.NAME, $steps["NAME"]. */
struct jqmembers {
	struct words names;
	bool all; /* it is used in a way that its members cannot be read off */
};

struct jqscan {
	struct words variables; /* the names after $, but $__loc__ */
	struct words bound;     /* those that the source binds somewhere itself */
	struct jqmembers steps, secrets;
	bool beyond;     /* what it gives may depend on more than `.`: a $name, the time,
			    the time zone, or where it stands */
	char fault[120]; /* why the source is refused, "" if it is not */
	size_t fault_at; /* the byte of it */
	bool refuses_name; /* the fault is a name, not a bracket or string */
};
void jqscan_finish(struct jqscan *scan);

/* Reads a whole source; blanks out its comments. Text of n bytes and a NUL. */
void jqscan_read(struct jqscan *scan, char *s, size_t n);
/* The same source with each $__loc__ written out: its line is one of the source, not of
 * all that is compiled together with it. NULL: it mentions none. Caller frees. */
char *jqscan_locate(char *s, size_t n);
/* The next ${ of a text from *at on: *ret_n bytes of code begin at *at; SIZE_MAX: it
 * is not closed. Blanks out comments. */
bool jqscan_find(char *s, size_t n, size_t *at, size_t *ret_n);
/* The offset of the brace that closes the ${ whose code begins at s. Blanks out comments.
 */
bool jqscan_end(char *s, size_t n, size_t *ret_offset);

#endif
