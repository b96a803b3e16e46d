/*
 * Templates: a node of a definition becomes a tree whose leaves are literals, kept byte
 * for byte, and code (source.h).
 */
#include "expression/expression.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "expression/node.h"
#include "expression/question.h"
#include "json/index.h"

#define FEW 32 /* look-ups: more are worth an index */

struct program *program_create(const struct program_options *options)
{
	struct program *p = xcalloc(1, sizeof *p);
	if (options)
		p->options = *options;
	if (!p->options.result_bytes)
		p->options.result_bytes = JSON_BYTES_DEFAULT;
	p->evaluator = evaluator_create(p->options.timeout_ms, p->options.result_bytes);
	return p;
}

static void node_finish(struct node *n)
{
	for (size_t i = 0; i < n->nitems; i++)
		node_finish(&n->items[i]);
	free(n->items);
	source_destroy(n->code);
	free(n->text);
	free(n->fault);
	*n = (struct node){0};
}

void program_destroy(struct program *p)
{
	if (!p)
		return;
	evaluator_destroy(p->evaluator);
	for (size_t i = 0; i < p->n; i++) {
		node_finish(&p->expressions[i]->root);
		free(p->expressions[i]);
	}
	free(p->expressions);
	free(p->buckets);
	free(p);
}

unsigned program_jq_count(const struct program *p)
{
	return evaluator_count(p->evaluator);
}

void program_prepare(struct program *p)
{
	evaluator_prepare(p->evaluator);
}

static bool is_blank(const char *s, size_t n)
{
	while (n && strchr(" \t\r\n", *s) && *s) {
		s++;
		n--;
	}
	return n == 0;
}

static struct node *add_item(struct node *n)
{
	n->items = xrealloc(n->items, (n->nitems + 1) * sizeof *n->items);
	n->items[n->nitems] = (struct node){0};
	return &n->items[n->nitems++];
}

static void add_text(struct node *n, const char *s, size_t len)
{
	struct buf b = {0};
	if (len == 0)
		return;
	json_put_string(&b, s, len);
	struct node *item = add_item(n);
	item->json = (struct json){b.data + 1, b.len - 2};
	item->text = buf_take(&b);
}

static void add_code(
	struct program *p, struct node *n, const char *content, const char *s, size_t len)
{
	n->kind = NODE_CODE;
	n->code = source_create(p->evaluator, s, len);
	n->at = (size_t)(s - content);
}

/* Why the ${ whose code begins there has no end. */
static void blame_segment(struct node *ret, const char *content, size_t n, size_t at)
{
	struct jqfault fault;
	char *code = xstrndup(content + at, n - at);
	jqcheck(code, n - at, &(struct jqcheck_options){.embedded = true}, &fault);
	free(code);
	ret->fault = xstrdup(fault.text);
	ret->fault_at = at + (size_t)fault.at;
}

/* The segments of "Hello ${ .name }!"; false if a ${ is not closed. */
static bool parse_segments(struct program *p, char *s, size_t n, struct node *ret)
{
	size_t from = 0, at = 0, len;
	ret->kind = NODE_TEXT;
	while (jqscan_find(s, n, &at, &len)) {
		if (len == SIZE_MAX) {
			blame_segment(ret, s, n, at);
			return false;
		}
		add_text(ret, s + from, at - 2 - from);
		struct node *item = add_item(ret);
		item->json = ret->json;
		add_code(p, item, s, s + at, len);
		at = from = at + len + 1;
	}
	add_text(ret, s + from, n - from);
	return true;
}

/* The code of a string that is one ${ } as a whole, blanks around it apart. */
static bool find_whole(char *s, size_t n, char **ret_code, size_t *ret_len)
{
	size_t skip = 0, len;
	while (skip < n && is_blank(s + skip, 1))
		skip++;
	if (n - skip < 2 || memcmp(s + skip, "${", 2) != 0)
		return false;
	char *code = s + skip + 2;
	if (!jqscan_end(code, (size_t)(s + n - code), &len) ||
		!is_blank(code + len + 1, (size_t)(s + n - code) - len - 1))
		return false;
	*ret_code = code;
	*ret_len = len;
	return true;
}

static bool is_marked(const char *s, size_t n)
{
	while (n && is_blank(s, 1)) {
		s++;
		n--;
	}
	return n >= 2 && memcmp(s, "${", 2) == 0;
}

static bool parse_string(
	struct program *p, enum expression_form form, struct node *ret, struct error *err)
{
	struct buf text = {0};
	json_string(ret->json, &text);
	char *code = text.data;
	size_t len = text.len;
	bool ok = true;
	bool bare = form == EXPRESSION_BARE
			    ? !is_marked(buf_text(&text), len)
			    : p->options.loose && len && !memmem(code, len, "${", 2);
	if (bare || find_whole(code, len, &code, &len)) {
		add_code(p, ret, text.data, code, len);
	} else if (len && memmem(code, len, "${", 2)) {
		ok = parse_segments(p, code, len, ret);
	}
	if (!ok) {
		/* What was parsed before it stays, unused: the evaluator has borrowed it.
		 */
		ret->kind = NODE_LITERAL;
		ok = p->options.loose;
	}
	if (!ok) {
		error_set(err, ERROR_INPUT, "%s", ret->fault);
		source_blame(buf_text(&text), err);
	}
	buf_finish(&text);
	return ok;
}

static bool parse_node(struct program *p, enum expression_form form, struct node *ret,
	struct error *err);

static bool parse_items(struct program *p, struct node *ret, struct error *err)
{
	bool object = json_type(ret->json) == JSON_OBJECT, literal = true, ok = true;
	struct json_iter it = json_iter(ret->json);
	struct json key = {0}, value;
	while (object ? json_next_member(&it, &key, &value)
		      : json_next_element(&it, &value)) {
		struct node *item = add_item(ret);
		item->key = key;
		item->json = value;
		ok = parse_node(p, EXPRESSION_VALUE, item, err) && ok;
		literal = literal && item->kind == NODE_LITERAL;
	}
	ret->kind = literal ? NODE_LITERAL : object ? NODE_OBJECT : NODE_ARRAY;
	return ok;
}

/* Fills ret, whose json and key are set. */
static bool parse_node(
	struct program *p, enum expression_form form, struct node *ret, struct error *err)
{
	switch (json_type(ret->json)) {
	case JSON_STRING: return parse_string(p, form, ret, err);
	case JSON_ARRAY:
	case JSON_OBJECT: return parse_items(p, ret, err);
	case JSON_NONE:
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
	case JSON_NUMBER: break;
	}
	return true;
}

static struct expression **bucket_of(const struct program *p, struct json node)
{
	return &p->buckets[(uintptr_t)node.s % p->bucket_count];
}

static void make_room(struct program *p)
{
	struct expression **old = p->buckets;
	size_t count = p->bucket_count;
	if (p->n < count)
		return;
	p->bucket_count = count ? 2 * count + 1 : 63;
	p->buckets = xcalloc(p->bucket_count, sizeof(struct expression *));
	for (size_t i = 0; i < count; i++) {
		for (struct expression *e = old[i], *next; e; e = next) {
			struct expression **bucket = bucket_of(p, e->root.json);
			next = e->next;
			e->next = *bucket;
			*bucket = e;
		}
	}
	free(old);
}

bool program_add(struct program *p, struct json node, enum expression_form form,
	struct expression **ret, struct error *err)
{
	make_room(p);
	struct expression **bucket = bucket_of(p, node), *e;
	for (e = *bucket; e; e = e->next) { /* a function that is called twice */
		if (e->root.json.s == node.s && e->root.json.n == node.n &&
			e->form == form) {
			*ret = e;
			return true;
		}
	}
	e = xcalloc(1, sizeof *e);
	e->program = p;
	e->root.json = node;
	e->form = form;
	e->forgives = p->options.loose &&
		      (form == EXPRESSION_VALUE || json_type(node) != JSON_STRING);
	bool ok = parse_node(p, form, &e->root, err);
	/* Kept even on failure: its units are the evaluator's. */
	p->expressions = xrealloc(p->expressions, (p->n + 1) * sizeof *p->expressions);
	p->expressions[p->n++] = e;
	if (ok) {
		e->next = *bucket;
		*bucket = e;
		*ret = e;
	}
	return ok;
}

struct eval {
	struct program *program;
	const struct scope *scope;
	struct error *err;
	bool forgives;    /* the expression's */
	size_t from, max; /* where its result begins, and how long it may be */
};

/* Appends verified JSON without the blanks between its tokens. */
static void put_compact(struct buf *out, struct json v)
{
	bool string = false;
	size_t from = 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.s[i] == '"')
			string = !string;
		else if (string && v.s[i] == '\\')
			i++;
		else if (!string && is_blank(v.s + i, 1)) {
			buf_add(out, v.s + from, i - from);
			from = i + 1;
		}
	}
	buf_add(out, v.s + from, v.n - from);
}

/* A value as it stands inside a string: escaped, without quotes. */
static void put_segment(struct buf *out, struct json v)
{
	struct buf compact = {0}, quoted = {0};
	if (json_type(v) == JSON_STRING) {
		buf_add(out, v.s + 1, v.n - 2);
		return;
	}
	put_compact(&compact, v);
	json_put_string(&quoted, compact.data, compact.len);
	buf_add(out, quoted.data + 1, quoted.len - 2);
	buf_finish(&compact);
	buf_finish(&quoted);
}

/* Whether something is not known yet: then the rest is looked at all the same, so that
 * it is asked for together. */
static bool is_wanting(const struct eval *ev)
{
	return ev->scope->question && ev->scope->question->wanting;
}

/* What is too long needs no more of it to be so. */
static bool is_long(const struct eval *ev, const struct buf *out)
{
	return out->len - ev->from > ev->max;
}

/* All of it is looked at where one that does not compile makes a literal of the whole. */
static bool eval_text(
	struct eval *ev, const struct node *n, struct buf *out, bool *ret_faulty)
{
	struct buf value = {0};
	bool ok = true, loose = ev->program->options.loose;
	struct error *err = ev->err;
	buf_putc(out, '"');
	for (size_t i = 0;
		(ok || loose || is_wanting(ev)) && i < n->nitems && !is_long(ev, out);
		i++) {
		const struct node *item = &n->items[i];
		buf_clear(&value);
		if (item->kind == NODE_LITERAL) {
			json_put(out, item->json);
		} else if (source_eval(item->code, ev->scope, &value, ret_faulty,
				   ok ? err : NULL)) {
			put_segment(out, (struct json){value.data, value.len});
		} else {
			ok = false;
		}
	}
	buf_putc(out, '"');
	buf_finish(&value);
	return ok;
}

static bool eval_string(struct eval *ev, const struct node *n, struct buf *out)
{
	size_t from = out->len;
	struct eval quiet = *ev;
	bool faulty = false;
	if (ev->forgives)
		quiet.err = NULL;
	if (n->kind == NODE_CODE
			? source_eval(n->code, ev->scope, out, &faulty, quiet.err)
			: eval_text(&quiet, n, out, &faulty))
		return true;
	out->len = from;
	if (is_wanting(ev))
		return false;
	if (!ev->forgives && !(faulty && ev->program->options.loose))
		return false;
	json_put(out, n->json);
	return true;
}

static bool eval_node(struct eval *ev, const struct node *n, struct buf *out);

static bool eval_items(struct eval *ev, const struct node *n, struct buf *out)
{
	bool object = n->kind == NODE_OBJECT, ok = true;
	buf_putc(out, object ? '{' : '[');
	for (size_t i = 0; (ok || is_wanting(ev)) && i < n->nitems && !is_long(ev, out);
		i++) {
		if (i)
			buf_putc(out, ',');
		if (object) {
			json_put(out, n->items[i].key);
			buf_putc(out, ':');
		}
		ok = eval_node(ev, &n->items[i], out) && ok;
	}
	buf_putc(out, object ? '}' : ']');
	return ok;
}

static bool eval_node(struct eval *ev, const struct node *n, struct buf *out)
{
	switch (n->kind) {
	case NODE_LITERAL: json_put(out, n->json); return true;
	case NODE_CODE:
	case NODE_TEXT: return eval_string(ev, n, out);
	case NODE_ARRAY:
	case NODE_OBJECT: return eval_items(ev, n, out);
	}
	return false;
}

/* What is put together from verified parts can still be too large or too deep. */
static bool check_result(const struct expression *e, struct json text, struct error *err)
{
	const struct node *n = &e->root;
	size_t max = e->program->options.result_bytes;
	bool built = n->kind == NODE_ARRAY || n->kind == NODE_OBJECT ||
		     (n->code && n->code->is_plain &&
			     (n->code->plain.kind == PLAIN_ARRAY ||
				     n->code->plain.kind == PLAIN_OBJECT));
	struct json checked;
	if (text.n > max)
		return error_set(err, ERROR_INPUT,
			"the result has %zu bytes, more than the limit of %zu", text.n,
			max);
	return !built || json_check(text.s, text.n, &(struct json_limits){.bytes = max},
				 &checked, NULL, err);
}

/* Whether it looks up more than so many things, about. */
static bool looks_up(const struct node *n, size_t *left)
{
	size_t own = n->code && n->code->is_plain ? n->code->plain.nitems + 1 : 0;
	bool more = own > *left;
	*left -= more ? 0 : own;
	for (size_t i = 0; i < n->nitems && !more; i++)
		more = looks_up(&n->items[i], left);
	return more;
}

static bool eval_whole(struct eval *ev, struct expression *e, struct buf *out)
{
	struct json_index index = {0};
	const struct scope *given = ev->scope;
	struct scope scope = *given;
	size_t few = FEW;
	if (looks_up(&e->root, &few)) {
		scope.index = &index;
		ev->scope = &scope;
	}
	bool ok = eval_node(ev, &e->root, out) && !is_wanting(ev);
	ev->scope = given;
	json_index_finish(&index);
	return ok;
}

bool expression_eval(struct expression *e, const struct scope *scope, struct buf *out,
	struct error *err)
{
	size_t from = out->len, max = e->program->options.result_bytes;
	struct eval ev = {e->program, scope, err, e->forgives};
	ev.from = from;
	ev.max = max;
	if (scope->question)
		question_begin(scope->question);
	bool ok = eval_whole(&ev, e, out);
	if (ok && !check_result(e, (struct json){out->data + from, out->len - from}, err))
		ok = source_blame(e->root.code ? e->root.code->source : "template", err);
	if (!ok && out->data) {
		out->len = from;
		out->data[from] = '\0';
	}
	return ok;
}

bool expression_test(
	struct expression *e, const struct scope *scope, bool *ret, struct error *err)
{
	struct buf out = {0};
	const struct source *c = e->root.code;
	if (c && c->is_plain)
		return path_test(&c->plain, scope, ret, err) ||
		       source_blame(c->source, err);
	bool ok = expression_eval(e, scope, &out, err);
	if (ok)
		*ret = json_truth((struct json){out.data, out.len});
	buf_finish(&out);
	return ok;
}

static bool node_mentions(const struct node *n, const char *name)
{
	if (n->code && words_has(&n->code->scan.variables, name))
		return true;
	for (size_t i = 0; i < n->nitems; i++) {
		if (node_mentions(&n->items[i], name))
			return true;
	}
	return false;
}

bool expression_mentions(const struct expression *e, const char *name)
{
	return node_mentions(&e->root, name);
}

bool program_mentions(const struct program *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++) {
		if (expression_mentions(p->expressions[i], name))
			return true;
	}
	return false;
}

static bool take_secrets(const struct node *n, struct words *ret)
{
	bool all = n->code && n->code->scan.secrets.all;
	for (size_t i = 0; n->code && i < n->code->scan.secrets.names.n; i++) {
		const char *name = n->code->scan.secrets.names.items[i];
		words_add(ret, name, strlen(name));
	}
	for (size_t i = 0; i < n->nitems; i++)
		all = !take_secrets(&n->items[i], ret) || all;
	return !all;
}

bool expression_secrets(const struct expression *e, struct words *ret)
{
	return take_secrets(&e->root, ret);
}

static bool node_steps(const struct node *n, const char ***ret, size_t *ret_n)
{
	const struct jqmembers *steps = n->code ? &n->code->scan.steps : NULL;
	bool known = !steps || !steps->all;
	size_t more = steps ? steps->names.n : 0;
	if (more)
		*ret = xrealloc(*ret, (*ret_n + more) * sizeof **ret);
	for (size_t i = 0; i < more; i++)
		(*ret)[(*ret_n)++] = steps->names.items[i];
	for (size_t i = 0; i < n->nitems; i++)
		known = node_steps(&n->items[i], ret, ret_n) && known;
	return known;
}

bool program_steps(const struct program *p, const char ***ret, size_t *ret_n)
{
	bool known = true;
	for (size_t i = 0; i < p->n; i++)
		known = node_steps(&p->expressions[i]->root, ret, ret_n) && known;
	return known;
}
