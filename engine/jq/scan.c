/* jq 1.6's lexer by hand, and what is read off its tokens. */
#include "jq/scan.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { NAMES_MAX = 500 }; /* $names and members of $steps in one source */

/* What would show an evaluation more than its scope, print, read or stop. Names that
 * begin with _ are jq's own and are refused as well: some crash when called. */
static const char *const refused[] = {"$ENV", "$__prog_args", "debug", "env",
	"get_jq_origin", "get_prog_origin", "get_search_list", "halt", "halt_error",
	"import", "include", "input", "input_filename", "input_line_number", "inputs",
	"module", "modulemeta", "stderr"};

/* What `.` alone does not decide. The formats of strftime and strptime may ask for the
 * time zone (%Z, %s); which builtins there are is a matter of libjq's version. */
static const char *const beyond[] = {
	"builtins", "localtime", "now", "strflocaltime", "strftime", "strptime"};

void words_finish(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->items[i]);
	free(w->items);
	*w = (struct words){0};
}

static bool has(const struct words *w, const char *s, size_t n)
{
	for (size_t i = 0; i < w->n; i++) {
		if (strlen(w->items[i]) == n && memcmp(w->items[i], s, n) == 0)
			return true;
	}
	return false;
}

void words_add(struct words *w, const char *s, size_t n)
{
	if (has(w, s, n))
		return;
	w->items = xrealloc(w->items, (w->n + 1) * sizeof *w->items);
	w->items[w->n++] = xstrndup(s, n);
}

bool words_has(const struct words *w, const char *s)
{
	return has(w, s, strlen(s));
}

void jqlexer_init(struct jqlexer *l, char *s, size_t n)
{
	l->p = s;
	l->end = s + n;
	l->fault = NULL;
	l->depth = 0;
}

bool jqtoken_is(struct jqtoken t, char mark)
{
	return t.kind == JQTOKEN_MARK && *t.s == mark;
}

static bool is_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Comments become blanks and returns become newlines: 1.6 refuses the one in code, and
 * newer versions of jq see the end of the other elsewhere. */
static void skip_blank(struct jqlexer *l)
{
	for (; l->p < l->end; l->p++) {
		if (*l->p == '#') {
			while (l->p < l->end && *l->p != '\n' && *l->p != '\r')
				*l->p++ = ' ';
			if (l->p == l->end)
				return;
		}
		if (*l->p == '\r')
			*l->p = '\n';
		if (*l->p != ' ' && *l->p != '\t' && *l->p != '\n')
			return;
	}
}

static enum jqtoken_kind fail(struct jqlexer *l, const char *why)
{
	l->fault = why;
	return JQTOKEN_FAULT;
}

static bool push(struct jqlexer *l, char closer)
{
	if (l->depth == JQLEXER_DEPTH)
		return false;
	l->closers[l->depth++] = closer;
	return true;
}

/* The inside of a string from l->p to its quote (kind `whole`) or to the next \(. */
static enum jqtoken_kind read_text(struct jqlexer *l, enum jqtoken_kind whole)
{
	while (l->p < l->end) {
		char c = *l->p++;
		if (c == '"')
			return whole;
		if (c != '\\' || l->p == l->end)
			continue;
		if (*l->p++ == '(')
			return push(l, '"') ? JQTOKEN_OPEN : fail(l, "nested too deeply");
	}
	return fail(l, "unfinished string");
}

static enum jqtoken_kind read_bracket(struct jqlexer *l, char c)
{
	if (c == '(' || c == '[' || c == '{') {
		char closer = c == '(' ? ')' : c == '[' ? ']' : '}';
		return push(l, closer) ? JQTOKEN_MARK : fail(l, "nested too deeply");
	}
	char open = l->depth ? l->closers[l->depth - 1] : '\0';
	if (c == ')' && open == '"') {
		l->depth--;
		return read_text(l, JQTOKEN_CLOSE);
	}
	if (c != open)
		return fail(l, "unbalanced brackets");
	l->depth--;
	return JQTOKEN_MARK;
}

static enum jqtoken_kind read_number(struct jqlexer *l)
{
	while (l->p < l->end && (is_digit(*l->p) || *l->p == '.'))
		l->p++;
	const char *e = l->p;
	if (e == l->end || (*e != 'e' && *e != 'E'))
		return JQTOKEN_NUMBER;
	e += e + 1 < l->end && (e[1] == '+' || e[1] == '-') ? 2 : 1;
	if (e == l->end || !is_digit(*e))
		return JQTOKEN_NUMBER;
	while (e < l->end && is_digit(*e))
		e++;
	l->p += e - l->p;
	return JQTOKEN_NUMBER;
}

static enum jqtoken_kind read_words(struct jqlexer *l, enum jqtoken_kind kind)
{
	for (;;) {
		while (l->p < l->end && is_word(*l->p))
			l->p++;
		if (l->end - l->p < 3 || l->p[0] != ':' || l->p[1] != ':' ||
			!is_start(l->p[2]))
			return kind;
		if (kind != JQTOKEN_NAME)
			return kind;
		l->p += 2;
	}
}

static enum jqtoken_kind read_token(struct jqlexer *l)
{
	char c = *l->p++, next = l->p < l->end ? *l->p : '\0';
	if (c == '"')
		return read_text(l, JQTOKEN_STRING);
	if (strchr("()[]{}", c) && c)
		return read_bracket(l, c);
	if (is_start(c))
		return read_words(l, JQTOKEN_NAME);
	if (c == '.' && is_start(next))
		return read_words(l, JQTOKEN_FIELD);
	if (c == '@' && is_word(next))
		return read_words(l, JQTOKEN_FORMAT);
	if (is_digit(c) || (c == '.' && is_digit(next)))
		return read_number(l);
	return c ? JQTOKEN_MARK : fail(l, "NUL in an expression");
}

struct jqtoken jqlexer_next(struct jqlexer *l)
{
	struct jqtoken t = {JQTOKEN_FAULT, NULL, 0};
	if (l->fault)
		return t;
	skip_blank(l);
	t.s = l->p;
	if (l->p == l->end)
		t.kind = l->depth ? fail(l, "unbalanced brackets") : JQTOKEN_END;
	else
		t.kind = read_token(l);
	t.n = (size_t)(l->p - t.s);
	return t;
}

void jqscan_finish(struct jqscan *scan)
{
	words_finish(&scan->variables);
	words_finish(&scan->bound);
	words_finish(&scan->steps.names);
	words_finish(&scan->secrets.names);
}

static void check_refused(struct jqscan *scan, const char *sigil, struct jqtoken t)
{
	char name[40];
	snprintf(name, sizeof name, "%s%.*s", sigil, (int)t.n, t.s);
	bool bad = *name == '_' && strcmp(name, "__loc__") != 0;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		bad = bad || strcmp(name, refused[i]) == 0;
	if (!bad || *scan->fault)
		return;
	scan->refuses_name = true;
	snprintf(scan->fault, sizeof scan->fault, "%s is not available here%s", name,
		strcmp(name, "input") ? "" : "; did you mean $input?");
}

/* Where the scanner stands in "$steps.name", "$steps.\"name\"", "$steps[\"name\"]". */
enum member_state {
	MEMBER_OUTSIDE,
	MEMBER_NAMED,
	MEMBER_DOT,
	MEMBER_BRACKET,
	MEMBER_INDEX
};

struct follower {
	enum member_state state;
	struct jqmembers *of;
};

static enum member_state follow(const struct follower *f, struct jqtoken t)
{
	enum member_state state = f->state;
	bool plain = t.kind == JQTOKEN_STRING && !memchr(t.s, '\\', t.n);
	if (state == MEMBER_NAMED && t.kind == JQTOKEN_FIELD) {
		words_add(&f->of->names, t.s + 1, t.n - 1);
		return MEMBER_OUTSIDE;
	}
	if (state == MEMBER_NAMED && (jqtoken_is(t, '.') || jqtoken_is(t, '[')))
		return *t.s == '.' ? MEMBER_DOT : MEMBER_BRACKET;
	if ((state == MEMBER_DOT || state == MEMBER_BRACKET) && plain) {
		words_add(&f->of->names, t.s + 1, t.n - 2);
		return state == MEMBER_DOT ? MEMBER_OUTSIDE : MEMBER_INDEX;
	}
	if (state != MEMBER_OUTSIDE && !(state == MEMBER_INDEX && jqtoken_is(t, ']')))
		f->of->all = true;
	return MEMBER_OUTSIDE;
}

static bool is_word_of(struct jqtoken t, const char *word)
{
	return t.n == strlen(word) && memcmp(t.s, word, t.n) == 0;
}

static void read_function(struct jqscan *scan, struct jqtoken t)
{
	check_refused(scan, "", t);
	for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
		scan->beyond |= is_word_of(t, beyond[i]);
}

static void read_variable(struct jqscan *scan, struct jqtoken t, struct follower *f)
{
	scan->beyond = true;
	if (is_word_of(t, "__loc__"))
		return;
	check_refused(scan, "$", t);
	words_add(&scan->variables, t.s, t.n);
	f->of = is_word_of(t, "steps")     ? &scan->steps
		: is_word_of(t, "secrets") ? &scan->secrets
					   : NULL;
	f->state = f->of ? MEMBER_NAMED : MEMBER_OUTSIDE;
}

/* What binds names: "as PATTERN |", "reduce . as PATTERN (", "def f($a; $b):", "label $a
 * |". */
struct binding {
	char until;     /* the mark that ends it; '\0': none is open */
	unsigned depth; /* of brackets around it */
};

static void follow_binding(
	struct binding *b, const struct jqlexer *l, struct jqtoken t, bool key)
{
	bool opens = jqtoken_is(t, '(') && l->depth == b->depth + 1 && b->until == '|';
	if (b->until && ((jqtoken_is(t, b->until) && l->depth == b->depth) || opens))
		b->until = '\0';
	if (t.kind != JQTOKEN_NAME || key)
		return;
	if (is_word_of(t, "as") || is_word_of(t, "label"))
		*b = (struct binding){'|', l->depth};
	else if (is_word_of(t, "def"))
		*b = (struct binding){':', l->depth};
}

void jqscan_read(struct jqscan *scan, char *s, size_t n)
{
	struct jqlexer l;
	struct jqtoken t, before = {JQTOKEN_END, "", 0};
	struct binding binding = {0};
	struct follower f = {MEMBER_OUTSIDE, NULL};
	jqlexer_init(&l, s, n);
	do {
		t = jqlexer_next(&l);
		if (!*scan->fault)
			scan->fault_at = (size_t)(t.s - s);
		f.state = follow(&f, t);
		bool key = (jqtoken_is(before, '{') || jqtoken_is(before, ',')) &&
			   l.depth && l.closers[l.depth - 1] == '}';
		bool variable = t.kind == JQTOKEN_NAME && jqtoken_is(before, '$');
		follow_binding(&binding, &l, t, key || variable);
		if (variable && binding.until)
			words_add(&scan->bound, t.s, t.n);
		if (variable)
			read_variable(scan, t, &f);
		else if (t.kind == JQTOKEN_NAME && !key)
			read_function(scan, t);
		before = t;
		if (scan->variables.n + scan->steps.names.n > NAMES_MAX && !*scan->fault)
			snprintf(scan->fault, sizeof scan->fault,
				"more than %d different names in one expression",
				NAMES_MAX);
	} while (t.kind != JQTOKEN_END && t.kind != JQTOKEN_FAULT && !*scan->fault);
	if (l.fault && !*scan->fault)
		snprintf(scan->fault, sizeof scan->fault, "%s", l.fault);
}

/* Whether the $ begins a member, which 1.6 does not take: libjq says so. */
static bool is_member(const struct jqlexer *l, struct jqtoken before)
{
	return (jqtoken_is(before, '{') || jqtoken_is(before, ',')) && l->depth &&
	       l->closers[l->depth - 1] == '}';
}

static unsigned line_of(const char *s, const char *at)
{
	unsigned line = 1;
	for (; s < at; s++)
		line += *s == '\n';
	return line;
}

char *jqscan_locate(char *s, size_t n)
{
	struct buf out = {0};
	struct jqlexer l;
	struct jqtoken t, last = {JQTOKEN_END, "", 0}, before = last;
	const char *copied = s;
	if (!memmem(s, n, "__loc__", 7))
		return NULL;
	jqlexer_init(&l, s, n);
	for (t = jqlexer_next(&l); t.kind != JQTOKEN_END && t.kind != JQTOKEN_FAULT;
		before = last, last = t, t = jqlexer_next(&l)) {
		if (t.kind != JQTOKEN_NAME || !is_word_of(t, "__loc__") ||
			!jqtoken_is(last, '$') || is_member(&l, before))
			continue;
		buf_add(&out, copied, (size_t)(last.s - copied));
		buf_printf(
			&out, "({file: \"<top-level>\", line: %u})", line_of(s, last.s));
		copied = t.s + t.n;
	}
	if (copied == s)
		return NULL;
	buf_add(&out, copied, n - (size_t)(copied - s));
	return buf_take(&out);
}

bool jqscan_end(char *s, size_t n, size_t *ret_offset)
{
	struct jqlexer l;
	jqlexer_init(&l, s, n);
	push(&l, '}');
	while (l.depth) {
		struct jqtoken t = jqlexer_next(&l);
		if (t.kind == JQTOKEN_FAULT)
			return false;
		*ret_offset = (size_t)(t.s - s);
	}
	return true;
}

bool jqscan_find(char *s, size_t n, size_t *at, size_t *ret_n)
{
	const char *mark = *at < n ? memmem(s + *at, n - *at, "${", 2) : NULL;
	if (!mark)
		return false;
	*at = (size_t)(mark - s) + 2;
	if (!jqscan_end(s + *at, n - *at, ret_n))
		*ret_n = SIZE_MAX;
	return true;
}
