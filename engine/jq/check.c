/*
 * The grammar of jq 1.6 by recursive descent, binary operators by their precedence. What
 * only constant folding or a newer jq can decide is doubted, not guessed.
 */
#include "jq/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jq/builtin.h"
#include "jq/parser.h"

enum { DEPTH_MAX = 400 };

static void parse_exp(struct parser *p, unsigned level);
static void parse_term(struct parser *p);

static void parse_all(struct parser *p)
{
	parse_exp(p, 1);
}

/* ---- Names ---- */

/* $name as a value; the token is the $. */
static void use_variable(struct parser *p)
{
	const struct jqcheck_options *o = p->options;
	size_t at = (size_t)(p->token.s - p->start);
	parser_next(p);
	if (parser_take(p, "__loc__"))
		return;
	if (!parser_is_name(p)) {
		parser_unexpected(p, "a name");
		return;
	}
	if (o && o->on_variable && !parser_binds(p, NAME_VARIABLE, p->token, 0))
		o->on_variable(o->ctx, at, p->token.s, p->token.n);
	parser_next(p);
}

/* "takes 1 or 2 arguments" */
static void fail_arity(
	struct parser *p, struct jqtoken name, unsigned arities, unsigned arity)
{
	char list[32] = "";
	size_t n = 0;
	for (unsigned i = 0; i < 5; i++) {
		if (arities >> i & 1)
			n += (size_t)snprintf(
				list + n, sizeof list - n, "%s%u", n ? " or " : "", i);
	}
	parser_fail(p, name.s, "%.*s takes %s argument%s, not %u", (int)name.n, name.s,
		arities == 1 ? "no" : list, arities == 2 ? "" : "s", arity);
}

static bool is_word(struct jqtoken t, const char *const *words)
{
	for (; *words; words++) {
		if (strlen(*words) == t.n && memcmp(*words, t.s, t.n) == 0)
			return true;
	}
	return false;
}

static void check_function(struct parser *p, struct jqtoken t, unsigned arity)
{
	static const char *const constants[] = {"false", "null", "true", NULL};
	static const char *const arguments[] = {"authorization", "context", "input",
		"output", "runtime", "secrets", "steps", "task", "workflow", NULL};
	unsigned arities = jqbuiltin_arities(t.s, t.n);
	char name[TOKEN_SIZE];
	snprintf(name, sizeof name, "%.*s", (int)t.n, t.s);
	if ((arity < 5 && arities >> arity & 1) ||
		(arity == 0 && is_word(t, constants)) ||
		parser_binds(p, NAME_FUNCTION, t, arity))
		return;
	const char *near = jqbuiltin_nearest(t.s, t.n);
	if (arities)
		fail_arity(p, t, arities, arity);
	else if (arity == 0 && is_word(t, arguments))
		parser_fail(p, t.s, "no function %s; did you mean $%s?", name, name);
	else if (near && arity == 0)
		parser_fail(p, t.s, "no function %s; did you mean %s, or a member: .%s?",
			name, near, name);
	else if (near)
		parser_fail(p, t.s, "no function %s; did you mean %s?", name, near);
	else if (arity == 0)
		parser_fail(p, t.s,
			"no function %s; a member is written .%s, a string \"%s\"", name,
			name, name);
	else
		parser_fail(p, t.s, "no function %s", name);
}

static void parse_call(struct parser *p)
{
	struct jqtoken name = p->token;
	struct bracket b;
	unsigned arity = 0;
	parser_next(p);
	if (parser_is(p, "(")) {
		parser_open(p, &b, "(");
		do {
			parse_all(p);
			arity++;
		} while (parser_take(p, ";"));
		parser_close(p, ")");
	}
	if (!p->failed)
		check_function(p, name, arity);
}

/* After `break` and `label`. */
static struct jqtoken take_label(struct parser *p)
{
	parser_next(p);
	parser_expect(p, "$");
	struct jqtoken name = p->token;
	if (parser_is_name(p))
		parser_next(p);
	else
		parser_unexpected(p, "the name of a label");
	return name;
}

static void parse_break(struct parser *p)
{
	struct jqtoken name = take_label(p);
	if (!p->failed && !parser_binds(p, NAME_LABEL, name, 0))
		parser_fail(p, name.s, "no label $%.*s is around this break", (int)name.n,
			name.s);
}

/* ---- Strings and numbers ---- */

static void check_escapes(struct parser *p)
{
	struct jqtoken t = p->token;
	const char *end = t.s + t.n - 1;
	for (const char *s = t.s + 1; s < end; s++) {
		if (*s != '\\' || s[1] == '(')
			continue;
		if (!s[1] || !strchr("\"\\/bfnrtu", s[1]))
			parser_fail(p, s, "a string has no escape \\%c", s[1]);
		if (s[1] == 'u' && strspn(s + 2, "0123456789abcdefABCDEF") < 4)
			parser_fail(p, s, "\\u takes four hexadecimal digits");
		s++;
	}
}

/* "...", or "...\( Exp )..." */
static void parse_string(struct parser *p)
{
	check_escapes(p);
	while (p->token.kind == JQTOKEN_OPEN) {
		struct bracket b;
		parser_open(p, &b, "\\(");
		b.s = p->before.s + p->before.n - 2;
		parse_all(p);
		if (p->token.kind != JQTOKEN_OPEN && p->token.kind != JQTOKEN_CLOSE) {
			parser_unexpected(p, ")");
			return;
		}
		p->brackets = b.outer;
		check_escapes(p);
	}
	parser_next(p);
}

/* @format, "string", or both */
static void parse_format(struct parser *p)
{
	if (p->token.kind == JQTOKEN_FORMAT)
		parser_next(p);
	if (parser_is_string(p))
		parse_string(p);
}

static void parse_number(struct parser *p)
{
	static const char digits[] = "0123456789";
	const char *s = p->token.s, *end = s + p->token.n;
	size_t whole = strspn(s, digits), part = 0;
	s += whole;
	if (s < end && *s == '.') {
		part = strspn(s + 1, digits);
		s += part + 1;
	}
	if (s < end && (*s == 'e' || *s == 'E')) {
		p->exponents = true;
		s = end;
	}
	if (s < end || whole + part == 0)
		parser_fail(p, p->token.s, "this is not a number");
	else if (memchr(p->token.s, '.', p->token.n) && part == 0)
		parser_doubt(p, p->token.s); /* 1. */
	parser_next(p);
}

/* ---- Objects and arrays ---- */

/* The value of a member: a term, or several between |. */
static void parse_member(struct parser *p)
{
	do {
		while (parser_take(p, "-"))
			;
		parse_term(p);
	} while (parser_take(p, "|"));
	bool ends = parser_is(p, ",") || parser_is(p, "}") ||
		    p->token.kind == JQTOKEN_FAULT || p->token.kind == JQTOKEN_END;
	if (!ends && !parser_is_foreign(p))
		parser_fail(p, p->token.s,
			"parentheses are needed around a member's value with an "
			"operator: {a: (.b + 1)}");
}

/* ( Exp ) as a key: if it is constant, it must be a string. */
static void parse_key_expression(struct parser *p)
{
	struct bracket b;
	const char *at = p->token.s;
	parser_open(p, &b, "(");
	bool reads = p->token.kind == JQTOKEN_FIELD || parser_is_string(p) ||
		     parser_is(p, ".") || parser_is(p, "$");
	parse_all(p);
	parser_close(p, ")");
	if (!reads && !p->failed)
		parser_doubt(p, at);
}

static void parse_key(struct parser *p)
{
	bool keyword = parser_is_keyword(p), needs_value = keyword;
	if (parser_is(p, "$")) {
		use_variable(p);
		if (parser_was(p, "__loc__"))
			parser_doubt(p, p->before.s);
		return;
	}
	if (p->token.kind == JQTOKEN_FORMAT)
		parser_next(p);
	if (parser_is_string(p)) {
		parse_string(p);
	} else if (p->before.kind == JQTOKEN_FORMAT) {
		parser_unexpected(p, "a string");
	} else if (parser_is(p, "(")) {
		parse_key_expression(p);
		needs_value = true;
	} else if (keyword || parser_is_name(p)) {
		parser_next(p);
	} else {
		parser_unexpected(p, "a member's name");
	}
	if (parser_take(p, ":"))
		parse_member(p);
	else if (needs_value)
		parser_unexpected(p, ":");
}

static void parse_object(struct parser *p)
{
	struct bracket b;
	parser_open(p, &b, "{");
	while (!p->failed && !parser_is(p, "}")) {
		parse_key(p);
		if (!parser_take(p, ","))
			break;
	}
	bool end = p->token.kind == JQTOKEN_FAULT || p->token.kind == JQTOKEN_END;
	if (!end && !parser_is(p, "}"))
		parser_unexpected(p, "a comma or }");
	parser_close(p, "}");
}

/* What stands in [ ] after a term: nothing, an index, or a slice. */
static void parse_index(struct parser *p)
{
	struct bracket b;
	parser_open(p, &b, "[");
	bool from = !parser_is(p, ":") && !parser_is(p, "]");
	if (from)
		parse_all(p);
	if (parser_take(p, ":") && (!from || !parser_is(p, "]")))
		parse_all(p);
	parser_close(p, "]");
}

static void parse_brackets(struct parser *p, const char *open, const char *close)
{
	struct bracket b;
	parser_open(p, &b, open);
	if (*close != ']' || !parser_is(p, "]"))
		parse_all(p);
	parser_close(p, close);
}

/* ---- Terms ---- */

static void parse_dot(struct parser *p)
{
	parser_next(p);
	if (parser_is_string(p)) {
		parse_string(p);
		parser_take(p, "?");
	} else if (parser_is_name(p)) {
		parser_fail(p, p->token.s, "no blank may stand between the . and %.*s",
			(int)p->token.n, p->token.s);
	}
}

/* .name; to jq 1.6, .e0 and .e+0 are numbers that are none. */
static void parse_field(struct parser *p)
{
	const char *s = p->token.s + 1, *end = p->lexer.end;
	if (*s == 'e' || *s == 'E') {
		s += s + 1 < end && (s[1] == '+' || s[1] == '-') ? 2 : 1;
		if (s < end && *s >= '0' && *s <= '9')
			parser_doubt(p, p->token.s);
	}
	parser_next(p);
	parser_take(p, "?");
}

static void parse_suffixes(struct parser *p)
{
	while (!p->failed) {
		if (p->token.kind == JQTOKEN_FIELD) {
			parse_field(p);
		} else if (parser_is(p, "[")) {
			parse_index(p);
			parser_take(p, "?");
		} else if (parser_take(p, ".")) {
			if (parser_is_string(p))
				parse_string(p);
			else
				parser_unexpected(p, "a member's name");
			parser_take(p, "?");
		} else {
			return;
		}
	}
}

static void parse_term(struct parser *p)
{
	enum jqtoken_kind kind = p->token.kind;
	if (parser_is(p, ".")) {
		parse_dot(p);
	} else if (parser_is(p, "..")) {
		parser_next(p);
	} else if (kind == JQTOKEN_FIELD) {
		parse_field(p);
	} else if (kind == JQTOKEN_NUMBER) {
		parse_number(p);
	} else if (parser_is_string(p) || kind == JQTOKEN_FORMAT) {
		parse_format(p);
	} else if (parser_is(p, "(")) {
		parse_brackets(p, "(", ")");
	} else if (parser_is(p, "[")) {
		parse_brackets(p, "[", "]");
	} else if (parser_is(p, "{")) {
		parse_object(p);
	} else if (parser_is(p, "$")) {
		use_variable(p);
	} else if (parser_is(p, "break")) {
		parse_break(p);
	} else if (parser_is_name(p)) {
		parse_call(p);
	} else {
		parser_unexpected(p, "a value");
	}
	parse_suffixes(p);
}

/* ---- Statements ---- */

static void parse_pattern(struct parser *p);

static void bind_variable(struct parser *p)
{
	parser_expect(p, "$");
	if (parser_is_name(p)) {
		parser_bind(p, NAME_VARIABLE, p->token, 0);
		parser_next(p);
	} else {
		parser_unexpected(p, "a name");
	}
}

static void parse_pattern_member(struct parser *p)
{
	if (parser_is(p, "$")) {
		bind_variable(p);
		if (!parser_is(p, ":"))
			return;
	} else if (parser_is_string(p)) {
		parse_string(p);
	} else if (parser_is(p, "(")) {
		parse_key_expression(p);
	} else if (parser_is_keyword(p) || parser_is_name(p)) {
		parser_next(p);
	} else {
		parser_unexpected(p, "a member's name");
	}
	parser_expect(p, ":");
	parse_pattern(p);
}

/* $name, [$a, $b] or {a: $b} */
static void parse_pattern(struct parser *p)
{
	struct bracket b;
	bool array = parser_is(p, "[");
	if (++p->depth > DEPTH_MAX)
		parser_doubt(p, p->token.s);
	if (array || parser_is(p, "{")) {
		parser_open(p, &b, array ? "[" : "{");
		do {
			if (array)
				parse_pattern(p);
			else
				parse_pattern_member(p);
		} while (parser_take(p, ","));
		parser_close(p, array ? "]" : "}");
	} else {
		bind_variable(p);
	}
	p->depth--;
}

static void parse_patterns(struct parser *p)
{
	do
		parse_pattern(p);
	while (parser_take(p, "?//"));
}

/* Term "as" Patterns "|" Exp: what is bound is seen in the Exp only. */
static void parse_binding(struct parser *p)
{
	size_t count = p->count;
	parser_next(p);
	parse_patterns(p);
	parser_expect(p, "|");
	parse_all(p);
	p->count = count;
}

/* reduce and foreach; `most` expressions in the parentheses. */
static void parse_fold(struct parser *p, unsigned most)
{
	struct bracket b;
	size_t count = p->count;
	unsigned n = 1;
	parser_next(p);
	parse_term(p);
	parser_expect(p, "as");
	parse_patterns(p);
	if (!parser_is(p, "("))
		parser_unexpected(p, "(");
	parser_open(p, &b, "(");
	parse_all(p);
	while (n < most && parser_take(p, ";")) {
		parse_all(p);
		n++;
	}
	if (n < 2)
		parser_unexpected(p, ";");
	parser_close(p, ")");
	p->count = count;
}

static void parse_if(struct parser *p)
{
	do {
		parser_next(p);
		parse_all(p);
		parser_expect(p, "then");
		parse_all(p);
	} while (!p->failed && parser_is(p, "elif"));
	if (parser_is(p, "end"))
		parser_unexpected(p, "else");
	parser_expect(p, "else");
	parse_all(p);
	parser_expect(p, "end");
}

static void parse_operand(struct parser *p);

static void parse_try(struct parser *p)
{
	parser_next(p);
	if (++p->depth > DEPTH_MAX)
		parser_doubt(p, p->token.s);
	parse_operand(p);
	if (parser_take(p, "catch"))
		parse_operand(p);
	p->depth--;
}

static void parse_label(struct parser *p)
{
	size_t count = p->count;
	struct jqtoken name = take_label(p);
	parser_bind(p, NAME_LABEL, name, 0);
	parser_expect(p, "|");
	parse_all(p);
	p->count = count;
}

static unsigned parse_parameters(struct parser *p)
{
	unsigned arity = 0;
	do {
		if (parser_take(p, "$"))
			parser_bind(p, NAME_VARIABLE, p->token, 0);
		parser_bind(p, NAME_FUNCTION, p->token, 0);
		arity++;
		if (parser_is_name(p))
			parser_next(p);
		else
			parser_unexpected(p, "the name of a parameter");
	} while (parser_take(p, ";"));
	return arity;
}

/* def name(parameters): body; Exp */
static void parse_definition(struct parser *p)
{
	struct bracket b;
	size_t count = p->count;
	unsigned arity = 0;
	parser_next(p);
	struct jqtoken name = p->token;
	if (parser_is_name(p))
		parser_next(p);
	else
		parser_unexpected(p, "the name of a function");
	if (parser_is(p, "(")) {
		parser_open(p, &b, "(");
		arity = parse_parameters(p);
		parser_close(p, ")");
	}
	parser_expect(p, ":");
	parser_bind(p, NAME_FUNCTION, name, arity);
	parse_all(p);
	parser_expect(p, ";");
	p->count = count;
	parser_bind(p, NAME_FUNCTION, name, arity);
	parse_all(p);
	p->count = count;
}

/* ---- Operators ---- */

static const struct operator
{
	const char *text;
	unsigned level;
	bool chains; /* a + b + c, but not a == b == c */
}
operators[] = {{"|", 1, true}, {",", 2, true}, {"//", 3, true}, {"=", 4, false},
	{"|=", 4, false}, {"+=", 4, false}, {"-=", 4, false}, {"*=", 4, false},
	{"/=", 4, false}, {"%=", 4, false}, {"//=", 4, false}, {"or", 5, true},
	{"and", 6, true}, {"==", 7, false}, {"!=", 7, false}, {"<", 7, false},
	{">", 7, false}, {"<=", 7, false}, {">=", 7, false}, {"+", 8, true},
	{"-", 8, true}, {"*", 9, true}, {"/", 9, true}, {"%", 9, true}};

static const struct operator* operator_at(const struct parser *p)
{
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		if (!p->failed && parser_is(p, operators[i].text))
			return &operators[i];
	}
	return NULL;
}

/* An operand of an operator, without the ? that may follow. */
static void parse_operand(struct parser *p)
{
	if (parser_take(p, "-")) {
		parse_exp(p, 9);
	} else if (parser_is(p, "def")) {
		parse_definition(p);
	} else if (parser_is(p, "reduce")) {
		parse_fold(p, 2);
	} else if (parser_is(p, "foreach")) {
		parse_fold(p, 3);
	} else if (parser_is(p, "if")) {
		parse_if(p);
	} else if (parser_is(p, "try")) {
		parse_try(p);
	} else if (parser_is(p, "label")) {
		parse_label(p);
	} else {
		parse_term(p);
		if (parser_is(p, "as"))
			parse_binding(p);
	}
}

/* 1 / 0 is folded, and refused: what may be such a constant is doubted. */
static void check_divisor(struct parser *p)
{
	bool reads = p->token.kind == JQTOKEN_FIELD || p->token.kind == JQTOKEN_NAME ||
		     parser_is_string(p) || parser_is(p, ".") || parser_is(p, "$");
	bool plain = p->token.kind == JQTOKEN_NUMBER && p->token.n < 16 &&
		     strpbrk(p->token.s, "123456789") < p->token.s + p->token.n &&
		     strpbrk(p->token.s, "123456789");
	p->divides = true;
	if (!p->failed && !reads && !plain)
		parser_doubt(p, p->before.s);
}

static void parse_exp(struct parser *p, unsigned level)
{
	const struct operator* o;
	if (++p->depth > DEPTH_MAX)
		parser_doubt(p, p->token.s);
	parse_operand(p);
	while (parser_take(p, "?"))
		;
	while ((o = operator_at(p)) && o->level >= level) {
		parser_next(p);
		if (parser_was(p, "/") || parser_was(p, "%"))
			check_divisor(p);
		parse_exp(p, o->level + 1);
		const struct operator* after = operator_at(p);
		if (!o->chains && after && after->level == o->level)
			parser_fail(p, p->token.s,
				"%s cannot follow %s without parentheses", after->text,
				o->text);
	}
	p->depth--;
}

bool jqcheck(char *source, size_t n, const struct jqcheck_options *options,
	struct jqfault *ret)
{
	struct parser p = {.start = source, .options = options, .fault = ret};
	struct bracket embedding = {.text = "${"};
	bool embedded = options && options->embedded;
	jqlexer_init(&p.lexer, source, n);
	if (embedded) {
		embedding.s = source - 2;
		p.brackets = &embedding;
		p.lexer.closers[p.lexer.depth++] = '}';
	}
	parser_next(&p);
	p.before = (struct jqtoken){0};
	parse_all(&p);
	if (!p.failed && (embedded ? !parser_is(&p, "}") : p.token.kind != JQTOKEN_END))
		parser_surplus(&p);
	if (!p.failed && p.divides && p.exponents)
		parser_doubt(&p, source);
	free(p.names);
	return !p.failed;
}
