/*
 * The tree is built from libfyaml's events; its own documents are not used, because they
 * compare keys pairwise and resolve aliases without a limit. Nodes are numbered, so that
 * the array may move; depth is limited here, so that no later walk need fear for its
 * stack.
 */
#include "yaml/tree.h"

#include <assert.h>
#include <libfyaml.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "yaml/scalar.h"
#include "json/json.h"

#define KEY_SHOWN 100u /* bytes */

struct anchor {
	char *name;
	size_t n;
	uint32_t node;
};

struct level {
	uint32_t node, last; /* the open collection and its last child */
	bool flow;           /* [...] */
	size_t children;
};

struct reader {
	const char *text;
	size_t n;
	struct yaml_tree *tree;
	struct fy_parser *parser;
	struct fy_diag *diag;
	void *anchors; /* tsearch's tree */
	struct level levels[JSON_DEPTH_DEFAULT];
	unsigned depth;
	unsigned documents;
	unsigned pairs; /* in [...] without braces */
	size_t at;      /* the byte that line and column belong to */
	unsigned line, column;
	struct error *err;
};

const struct yaml_node *yaml_tree_node(const struct yaml_tree *tree, uint32_t index)
{
	const struct yaml_node *node = &tree->nodes[index];
	return node->type == YAML_ALIAS ? &tree->nodes[node->first] : node;
}

void yaml_tree_finish(struct yaml_tree *tree)
{
	free(tree->nodes);
	buf_finish(&tree->json);
	*tree = (struct yaml_tree){0};
}

/* ---- Places ---- */

/* Events come in the order of the text, but for some empty ones. */
static void go_to(struct reader *r, size_t at)
{
	unsigned lines, columns;
	if (at < r->at) {
		r->at = 0;
		r->line = r->column = 1;
	}
	json_position(r->text + r->at, at - r->at, &lines, &columns);
	r->column = lines == 1 ? r->column + columns - 1 : columns;
	r->line += lines - 1;
	r->at = at;
}

static size_t skip_space(const struct reader *r, size_t at)
{
	while (at < r->n && strchr(" \t\r\n", r->text[at]))
		at++;
	return at;
}

/* libfyaml marks quoted scalars and aliases behind their first character, and a block
 * scalar at the line below its | or >, where we want its first character. */
static size_t token_start(const struct reader *r, struct fy_token *token, size_t at)
{
	enum fy_token_type type = fy_token_get_type(token);
	size_t n = 0;
	if (type == FYTT_ALIAS)
		return at > 0 && r->text[at - 1] == '*' ? at - 1 : at;
	if (type != FYTT_SCALAR)
		return at;
	switch (fy_token_scalar_style(token)) {
	case FYSS_SINGLE_QUOTED: return at > 0 && r->text[at - 1] == '\'' ? at - 1 : at;
	case FYSS_DOUBLE_QUOTED: return at > 0 && r->text[at - 1] == '"' ? at - 1 : at;
	case FYSS_LITERAL:
	case FYSS_FOLDED:
		return fy_token_get_text(token, &n) && n > 0 ? skip_space(r, at) : at;
	case FYSS_ANY:
	case FYSS_PLAIN:
	case FYSS_MAX: break;
	}
	return at;
}

static void go_to_token(struct reader *r, struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
	if (mark)
		go_to(r, token_start(r, token, mark->input_pos));
}

static bool fail(struct reader *r, const char *why)
{
	return error_set(r->err, ERROR_INPUT, "%s", why);
}

static bool fail_at(struct reader *r, uint32_t node, const char *why)
{
	r->line = r->tree->nodes[node].line;
	r->column = r->tree->nodes[node].column;
	return fail(r, why);
}

/* ---- Anchors ---- */

static int compare_anchors(const void *a, const void *b)
{
	const struct anchor *x = a, *y = b;
	int c = memcmp(x->name, y->name, x->n < y->n ? x->n : y->n);
	return c ? c : x->n < y->n ? -1 : x->n > y->n;
}

static void free_anchor(void *anchor)
{
	free(((struct anchor *)anchor)->name);
	free(anchor);
}

/* A later anchor of the same name takes its place. */
static void set_anchor(struct reader *r, struct fy_token *token, uint32_t node)
{
	if (!token)
		return;
	struct anchor *new = xcalloc(1, sizeof *new);
	const char *text = fy_token_get_text(token, &new->n);
	new->name = xstrndup(text ? text : "", text ? new->n : 0);
	struct anchor **place = tsearch(new, &r->anchors, compare_anchors);
	(*place)->node = node;
	if (*place != new)
		free_anchor(new);
}

static bool find_anchor(struct reader *r, struct fy_token *token, uint32_t *ret)
{
	struct anchor key = {0};
	const char *text = fy_token_get_text(token, &key.n);
	key.name = (char *)(text ? text : "");
	struct anchor **found = tfind(&key, &r->anchors, compare_anchors);
	if (!found)
		return fail(r, "an alias of an anchor that is not there");
	for (unsigned i = 0; i < r->depth; i++) {
		if (r->levels[i].node == (*found)->node)
			return fail(r, "an alias inside of what it stands for");
	}
	*ret = (*found)->node;
	return true;
}

/* ---- Nodes ---- */

static bool is_key(const struct reader *r)
{
	const struct level *level = r->depth ? &r->levels[r->depth - 1] : NULL;
	return level && r->tree->nodes[level->node].type == YAML_MAPPING &&
	       level->children % 2 == 1;
}

static uint32_t add_node(struct reader *r, struct yaml_node node)
{
	struct yaml_tree *tree = r->tree;
	if (tree->count == tree->cap) {
		tree->cap = tree->cap ? tree->cap * 2 : 64;
		tree->nodes = xrealloc(tree->nodes, tree->cap * sizeof *tree->nodes);
	}
	uint32_t index = tree->count++;
	node.next = YAML_NO_NODE;
	node.line = r->line;
	node.column = r->column;
	tree->nodes[index] = node;
	if (!r->depth)
		return index;
	struct level *level = &r->levels[r->depth - 1];
	struct yaml_node *parent = &tree->nodes[level->node];
	if (level->children++) {
		tree->nodes[level->last].next = index;
	} else {
		parent->first = index;
		/* Of [a: b] the mapping is marked at its colon. */
		if (r->line == parent->line && r->column < parent->column)
			parent->column = r->column;
	}
	level->last = index;
	return index;
}

/* Whether the line of the fault holds an expression that no quote begins before. */
static bool has_bare_expression(const struct reader *r, const char *mark)
{
	const char *text = r->text, *end = text + r->n;
	const char *s = text + (r->at < r->n ? r->at : r->n);
	while (s > text && s[-1] != '\n')
		s--;
	const char *next = memchr(s, '\n', (size_t)(end - s));
	size_t n = (size_t)((next ? next : end) - s);
	const char *found = memmem(s, n, mark, 2);
	return found && !memchr(s, '"', (size_t)(found - s)) &&
	       !memchr(s, '\'', (size_t)(found - s));
}

/* What is wrong with the text, and what most likely made it so. */
static bool fail_syntax(struct reader *r, const char *why)
{
	bool bare = has_bare_expression(r, "${");
	if (!bare && !has_bare_expression(r, "{{"))
		return fail(r, why);
	return error_set(r->err, ERROR_INPUT, "%s; %s", why,
		bare ? "in YAML an expression that holds a brace, \": \" or \" #\", or "
		       "stands in [ ] or { }, needs quotes: '${ ... }'"
		     : "an expression is written '${ ... }', not {{ ... }}");
}

/* Numbers that are keys are taken as their text, as all readers do that make JSON of
 * YAML. */
static bool quote_integer(struct reader *r, uint32_t index)
{
	struct yaml_node *node = &r->tree->nodes[index];
	struct buf *json = &r->tree->json;
	size_t n = node->n;
	const char *s = json->data + node->from;
	if (node->type != YAML_SCALAR || node->from + n != json->len ||
		strspn(s + (*s == '-'), "0123456789") != n - (*s == '-'))
		return false;
	char *text = xasprintf("\"%.*s\"", (int)n, s);
	json->len = node->from;
	buf_puts(json, text);
	node->n += 2;
	free(text);
	return true;
}

static bool check_key(struct reader *r, uint32_t index)
{
	const struct yaml_node *node = yaml_tree_node(r->tree, index);
	if (!is_key(r))
		return true;
	if (node->type != YAML_SCALAR)
		return fail_syntax(r, "a key must be a string");
	if (r->tree->json.data[node->from] != '"')
		return fail(r, "a key must be a string: quote it");
	return true;
}

static bool read_tag(struct reader *r, struct fy_token *token, enum yaml_tag *ret)
{
	size_t n = 0;
	const char *text = token ? fy_token_get_text(token, &n) : NULL;
	*ret = text ? yaml_tag(text, n) : YAML_TAG_NONE;
	if (*ret != YAML_TAG_UNKNOWN)
		return true;
	go_to_token(r, token);
	return error_set(
		r->err, ERROR_INPUT, "unknown tag %.*s", (int)(n < 100 ? n : 100), text);
}

/* For a block scalar that is blank up to the end of the text, libfyaml 0.7 gives a byte
 * of uninitialised memory. */
static bool is_blank_block(struct reader *r, struct fy_token *value, size_t n)
{
	enum fy_scalar_style style = fy_token_scalar_style(value);
	const struct fy_mark *mark = fy_token_start_mark(value);
	return (style == FYSS_LITERAL || style == FYSS_FOLDED) && n > 0 && mark &&
	       skip_space(r, mark->input_pos) >= r->n;
}

static bool on_scalar(struct reader *r, const struct fy_event_scalar_data *event)
{
	struct yaml_text t = {.plain = true};
	struct yaml_node node = {
		.type = YAML_SCALAR, .from = (uint32_t)r->tree->json.len};
	if (!read_tag(r, event->tag, &t.tag))
		return false;
	go_to_token(r, event->value);
	t.s = event->value ? fy_token_get_text(event->value, &t.n) : NULL;
	if (t.s && is_blank_block(r, event->value, t.n))
		return fail(r, "a block scalar without content: write \"\"");
	if (t.s)
		t.plain = fy_token_scalar_style(event->value) == FYSS_PLAIN;
	else
		t.s = "", t.n = 0;
	node.merge = t.plain && t.tag == YAML_TAG_NONE && t.n == 2 &&
		     memcmp(t.s, "<<", 2) == 0;
	if (!yaml_scalar(&t, &r->tree->json, r->err))
		return false;
	node.n = (uint32_t)(r->tree->json.len - node.from);
	uint32_t index = add_node(r, node);
	set_anchor(r, event->anchor, index);
	return (!event->anchor && is_key(r) && quote_integer(r, index)) ||
	       check_key(r, index);
}

static bool on_alias(struct reader *r, struct fy_token *name)
{
	struct yaml_node node = {.type = YAML_ALIAS};
	go_to_token(r, name);
	if (!find_anchor(r, name, &node.first))
		return false;
	return check_key(r, add_node(r, node));
}

/* For each pair of them libfyaml 0.7 looks through all that came before. */
enum { PAIRS_MAX = 2000 };

static char first_byte(const struct reader *r, struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
	return mark && mark->input_pos < r->n ? r->text[mark->input_pos] : '\0';
}

static bool on_start(struct reader *r, const struct fy_event *event)
{
	bool mapping = event->type == FYET_MAPPING_START;
	struct yaml_node node = {
		.type = mapping ? YAML_MAPPING : YAML_SEQUENCE, .first = YAML_NO_NODE};
	enum yaml_tag tag, fits = mapping ? YAML_TAG_MAP : YAML_TAG_SEQ;
	if (!read_tag(r, mapping ? event->mapping_start.tag : event->sequence_start.tag,
		    &tag))
		return false;
	go_to_token(r, mapping ? event->mapping_start.mapping_start
			       : event->sequence_start.sequence_start);
	if (tag != YAML_TAG_NONE && tag != fits)
		return fail(r, "the tag is not one for what follows it");
	if (r->depth == JSON_DEPTH_DEFAULT)
		return fail(r, "nested too deeply");
	struct fy_token *token = mapping ? event->mapping_start.mapping_start
					 : event->sequence_start.sequence_start;
	char first = first_byte(r, token);
	if (mapping && r->depth && r->levels[r->depth - 1].flow && first != '{' &&
		++r->pairs > PAIRS_MAX)
		return fail(r, "more than 2000 pairs in lists without braces: write [{a: "
			       "1}], not "
			       "[a: 1]");
	uint32_t index = add_node(r, node);
	set_anchor(r,
		mapping ? event->mapping_start.anchor : event->sequence_start.anchor,
		index);
	if (!check_key(r, index))
		return false;
	r->levels[r->depth++] =
		(struct level){.node = index, .flow = !mapping && first == '['};
	return true;
}

/* ---- Duplicate keys ---- */

struct key {
	const char *s;
	uint32_t n, node;
};

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
	if (c || x->n != y->n)
		return c ? c : x->n < y->n ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* The key is cut between characters. */
static bool fail_twice(struct reader *r, uint32_t index)
{
	const struct yaml_node *node = yaml_tree_node(r->tree, index);
	const char *key = r->tree->json.data + node->from;
	size_t n = node->n < KEY_SHOWN ? node->n : KEY_SHOWN;
	if (node->merge)
		return fail_at(r, index,
			"a second <<: several are merged as a list, <<: [*one, *two]");
	while (n < node->n && n && ((unsigned char)key[n] & 0xC0) == 0x80)
		n--;
	r->line = node->line;
	r->column = node->column;
	return error_set(r->err, ERROR_INPUT, "duplicate key %.*s%s", (int)n, key,
		n < node->n ? "..." : "");
}

/* Equal keys have equal JSON texts: all come from the same writer. */
static bool check_duplicates(struct reader *r, const struct level *level)
{
	const struct yaml_tree *tree = r->tree;
	size_t n = level->children / 2, i = 0;
	struct key *keys = xcalloc(n, sizeof *keys);
	uint32_t twice = YAML_NO_NODE;
	for (uint32_t k = tree->nodes[level->node].first; i < n; i++) {
		const struct yaml_node *key = yaml_tree_node(tree, k);
		keys[i] = (struct key){tree->json.data + key->from, key->n, k};
		k = tree->nodes[tree->nodes[k].next].next;
	}
	qsort(keys, n, sizeof *keys, compare_keys);
	for (i = 1; i < n; i++) {
		if (keys[i].n == keys[i - 1].n && keys[i].node < twice &&
			memcmp(keys[i].s, keys[i - 1].s, keys[i].n) == 0)
			twice = keys[i].node;
	}
	free(keys);
	if (twice == YAML_NO_NODE)
		return true;
	return fail_twice(r, twice);
}

static bool on_end(struct reader *r)
{
	assert(r->depth > 0);
	struct level level = r->levels[--r->depth];
	if (r->tree->nodes[level.node].type != YAML_MAPPING)
		return true;
	assert(level.children % 2 == 0);
	return check_duplicates(r, &level);
}

/* ---- Reading ---- */

static bool on_document(struct reader *r, const struct fy_event *event)
{
	const struct fy_version *version =
		fy_document_state_version(event->document_start.document_state);
	go_to_token(r, event->document_start.document_start);
	if (r->documents++)
		return fail(r, "a second document: only one is read");
	if (version && (version->major != 1 || version->minor != 2))
		return fail(r, "only YAML 1.2 is read");
	return true;
}

static bool on_event(struct reader *r, struct fy_event *event)
{
	switch (event->type) {
	case FYET_DOCUMENT_START: return on_document(r, event);
	case FYET_SCALAR: return on_scalar(r, &event->scalar);
	case FYET_ALIAS: return on_alias(r, event->alias.anchor);
	case FYET_MAPPING_START:
	case FYET_SEQUENCE_START: return on_start(r, event);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END: return on_end(r);
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END: break;
	}
	return true;
}

/* The first error that libfyaml collected. */
static bool fail_as_parsed(struct reader *r)
{
	void *prev = NULL;
	struct fy_diag_error *first = fy_diag_errors_iterate(r->diag, &prev);
	if (first)
		go_to_token(r, first->fyt);
	return fail_syntax(r, first && first->msg ? first->msg : "a syntax error");
}

static bool read_events(struct reader *r)
{
	struct fy_event *event;
	bool ok = true;
	while (ok && (event = fy_parser_parse(r->parser))) {
		ok = on_event(r, event);
		fy_parser_event_free(r->parser, event);
	}
	if (ok && fy_parser_get_stream_error(r->parser))
		ok = fail_as_parsed(r);
	if (ok && !r->tree->count)
		ok = fail(r, "there is no document");
	return ok;
}

bool yaml_tree_read(const char *text, size_t n, struct yaml_tree *ret, struct error *err)
{
	struct fy_diag_cfg quiet = {
		.level = FYET_ERROR, .module_mask = (1u << FYEM_MAX) - 1};
	struct reader r = {
		.text = text, .n = n, .tree = ret, .line = 1, .column = 1, .err = err};
	*ret = (struct yaml_tree){0};
	r.diag = fy_diag_create(&quiet);
	fy_diag_set_collect_errors(r.diag, true);
	struct fy_parse_cfg how = {
		.flags = FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE, .diag = r.diag};
	r.parser = fy_parser_create(&how);
	bool ok = r.parser && fy_parser_set_string(r.parser, text, n) == 0;
	ok = ok ? read_events(&r) : fail(&r, "the parser did not start");
	ret->line = r.line;
	ret->column = r.column;
	fy_parser_destroy(r.parser);
	fy_diag_destroy(r.diag);
	tdestroy(r.anchors, free_anchor);
	return ok;
}
