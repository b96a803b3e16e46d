/*
 * From the tree to JSON. Aliases and merge keys make a document larger than its text, so
 * what is written, walked and nested is limited here; json_check judges the result.
 */
#include "yaml/yaml.h"

#include <stdlib.h>
#include <string.h>

#include "yaml/tree.h"
#include "json/json.h"

enum { VISITS_MAX = 16 << 20, BLANK_LINES_MAX = 1000, DIRECTIVE_MAX = 1000 };

struct writer {
	const struct yaml_tree *tree;
	struct buf *out;
	size_t start; /* out's length before */
	struct yaml_map map;
	unsigned depth, merges; /* of collections, and of merges in one another */
	size_t visits;          /* of nodes */
	uint32_t node;          /* where it stopped */
	struct error *err;
};

static bool write_node(struct writer *w, uint32_t index);

/* ---- The map ---- */

static void add_place(struct yaml_map *map, size_t offset, unsigned line, unsigned column)
{
	if (map->count == map->cap) {
		map->cap = map->cap ? map->cap * 2 : 64;
		map->places = xrealloc(map->places, map->cap * sizeof *map->places);
	}
	map->places[map->count++] = (struct yaml_place){offset, line, column};
}

void yaml_map_finish(struct yaml_map *map)
{
	free(map->places);
	*map = (struct yaml_map){0};
}

const struct yaml_place *yaml_map_place(const struct yaml_map *map, size_t offset)
{
	size_t low = 0, high = map->count;
	while (low + 1 < high) {
		size_t middle = low + (high - low) / 2;
		if (map->places[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return map->count ? &map->places[low] : NULL;
}

void yaml_map_position(const struct yaml_map *map, size_t offset, unsigned *ret_line,
	unsigned *ret_column)
{
	const struct yaml_place *place = yaml_map_place(map, offset);
	*ret_line = place ? place->line : 1;
	*ret_column = place ? place->column : 1;
}

/* ---- Merge keys ---- */

struct member {
	uint32_t key, value;
	size_t rank; /* of several with the same key, the lowest counts */
};

struct members {
	struct member *items;
	size_t count, cap;
};

static bool fail(struct writer *w, uint32_t node, const char *why)
{
	w->node = node;
	return error_set(w->err, ERROR_INPUT, "%s", why);
}

static bool visit(struct writer *w, uint32_t node)
{
	if (++w->visits <= VISITS_MAX && w->out->len - w->start <= JSON_BYTES_DEFAULT)
		return true;
	return fail(w, node, "too large once its aliases are expanded");
}

static bool enter(struct writer *w, unsigned *depth, uint32_t node)
{
	if (*depth == JSON_DEPTH_DEFAULT)
		return fail(w, node, "nested too deeply");
	++*depth;
	return true;
}

static bool gather(struct writer *w, uint32_t index, struct members *ret);

/* The value of a merge key: a mapping or a list of them. */
static bool gather_merged(struct writer *w, uint32_t index, struct members *ret)
{
	const struct yaml_node *nodes = w->tree->nodes;
	const struct yaml_node *node = yaml_tree_node(w->tree, index);
	bool ok = true;
	if (node->type == YAML_MAPPING)
		return gather(w, index, ret);
	if (node->type == YAML_SCALAR)
		return fail(w, index, "<< merges mappings only");
	for (uint32_t i = node->first; ok && i != YAML_NO_NODE; i = nodes[i].next) {
		ok = yaml_tree_node(w->tree, i)->type == YAML_MAPPING
			     ? gather(w, i, ret)
			     : fail(w, i, "<< merges mappings only");
	}
	return ok;
}

static void add_member(struct members *m, uint32_t key, uint32_t value)
{
	if (m->count == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 16;
		m->items = xrealloc(m->items, m->cap * sizeof *m->items);
	}
	m->items[m->count] = (struct member){key, value, m->count};
	m->count++;
}

/* The members of a mapping, its own before the merged ones. */
static bool gather(struct writer *w, uint32_t index, struct members *ret)
{
	const struct yaml_node *nodes = w->tree->nodes;
	uint32_t merge = YAML_NO_NODE;
	if (!visit(w, index) || !enter(w, &w->merges, index))
		return false;
	bool ok = true;
	uint32_t key = yaml_tree_node(w->tree, index)->first;
	for (; ok && key != YAML_NO_NODE; key = nodes[nodes[key].next].next) {
		ok = visit(w, key);
		if (nodes[key].merge)
			merge = nodes[key].next;
		else
			add_member(ret, key, nodes[key].next);
	}
	if (ok && merge != YAML_NO_NODE)
		ok = gather_merged(w, merge, ret);
	w->merges--;
	return ok;
}

static int compare_texts(const void *a, const void *b, void *tree)
{
	const struct member *x = a, *y = b;
	const struct yaml_node *p = yaml_tree_node(tree, x->key);
	const struct yaml_node *q = yaml_tree_node(tree, y->key);
	const char *text = ((const struct yaml_tree *)tree)->json.data;
	int c = memcmp(text + p->from, text + q->from, p->n < q->n ? p->n : q->n);
	if (c || p->n != q->n)
		return c ? c : p->n < q->n ? -1 : 1;
	return 0;
}

static int compare_members(const void *a, const void *b, void *tree)
{
	const struct member *x = a, *y = b;
	int c = compare_texts(a, b, tree);
	return c ? c : x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int compare_ranks(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* Leaves one member of each key, in the order of the text. */
static void drop_overridden(const struct yaml_tree *tree, struct members *m)
{
	size_t kept = 0;
	if (m->count < 2)
		return;
	qsort_r(m->items, m->count, sizeof *m->items, compare_members, (void *)tree);
	for (size_t i = 0; i < m->count; i++) {
		if (!kept || compare_texts(&m->items[kept - 1], &m->items[i],
				     (void *)tree) != 0)
			m->items[kept++] = m->items[i];
	}
	m->count = kept;
	qsort(m->items, m->count, sizeof *m->items, compare_ranks);
}

/* ---- Writing ---- */

static void put_scalar(struct writer *w, uint32_t index)
{
	const struct yaml_node *node = yaml_tree_node(w->tree, index);
	buf_add(w->out, w->tree->json.data + node->from, node->n);
}

static void put_place(struct writer *w, uint32_t index)
{
	const struct yaml_node *node = &w->tree->nodes[index];
	add_place(&w->map, w->out->len - w->start, node->line, node->column);
}

static bool write_mapping(struct writer *w, uint32_t index)
{
	struct members m = {0};
	bool ok = gather(w, index, &m);
	if (ok)
		drop_overridden(w->tree, &m);
	buf_putc(w->out, '{');
	for (size_t i = 0; ok && i < m.count; i++) {
		if (i)
			buf_putc(w->out, ',');
		put_place(w, m.items[i].key);
		put_scalar(w, m.items[i].key);
		buf_putc(w->out, ':');
		ok = write_node(w, m.items[i].value);
	}
	buf_putc(w->out, '}');
	free(m.items);
	return ok;
}

static bool write_sequence(struct writer *w, const struct yaml_node *node)
{
	bool ok = true;
	buf_putc(w->out, '[');
	for (uint32_t i = node->first; ok && i != YAML_NO_NODE;
		i = w->tree->nodes[i].next) {
		if (i != node->first)
			buf_putc(w->out, ',');
		ok = write_node(w, i);
	}
	buf_putc(w->out, ']');
	return ok;
}

static bool write_node(struct writer *w, uint32_t index)
{
	const struct yaml_node *node = yaml_tree_node(w->tree, index);
	if (!visit(w, index))
		return false;
	put_place(w, index);
	if (node->type == YAML_SCALAR) {
		put_scalar(w, index);
		return true;
	}
	if (!enter(w, &w->depth, index))
		return false;
	bool ok = node->type == YAML_MAPPING ? write_mapping(w, index)
					     : write_sequence(w, node);
	w->depth--;
	return ok;
}

/* ---- Reading ---- */

/* Bytes of the UTF-8 sequence at p, 0 if it is not one (RFC 3629). */
static size_t utf8_length(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xC2 ? 0
		   : p[0] < 0xE0 ? 2
		   : p[0] < 0xF0 ? 3
				 : 4;
	if (p[0] > 0xF4 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	bool wrong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
		     (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
	return wrong ? 0 : n;
}

/* What libfyaml must not see: it hangs on invalid UTF-8 in a directive, its time grows
 * with the square of a directive's length and of the blank lines in a row, and these take
 * stack too. NULL if there is nothing of the kind. */
static const char *find_unreadable(const char *text, size_t n, size_t *ret_at)
{
	size_t line = 0, length; /* line: where this one begins */
	unsigned blank = 0;
	*ret_at = 0;
	if (n > YAML_BYTES_MAX)
		return "YAML is read up to 4 MiB; write it as JSON";
	for (size_t i = 0; i < n; i += length) {
		unsigned char c = (unsigned char)text[i];
		*ret_at = i;
		length = utf8_length(text + i, n - i);
		if (!length)
			return "invalid UTF-8";
		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return "a control character";
		if (text[line] == '%' && i - line > DIRECTIVE_MAX)
			return "a directive that is too long";
		if (c == '\n' || c == '\r') {
			line = i + 1;
			blank++;
		} else if (c != ' ' && c != '\t') {
			blank = 0;
		}
		if (blank > BLANK_LINES_MAX)
			return "too many blank lines";
	}
	return NULL;
}

static bool fail_readably(
	struct yaml_map *ret, struct error *err, unsigned line, unsigned column)
{
	struct error as_is = *err;
	yaml_map_finish(ret);
	add_place(ret, 0, line, column);
	return error_set(err, ERROR_INPUT, "%.900s at line %u, column %u", as_is.text,
		line, column);
}

static bool write_tree(struct writer *w, struct yaml_map *ret_map, struct error *err)
{
	unsigned line, column;
	size_t stop = 0;
	struct json checked;
	bool ok = write_node(w, 0);
	if (!ok) {
		line = w->tree->nodes[w->node].line;
		column = w->tree->nodes[w->node].column;
	} else {
		ok = json_check(w->out->data + w->start, w->out->len - w->start, NULL,
			&checked, &stop, err);
		yaml_map_position(&w->map, stop, &line, &column);
		char *at = ok ? NULL : strstr(err->text, " at line ");
		if (at)
			*at = '\0';
	}
	*ret_map = w->map;
	return ok || fail_readably(ret_map, err, line, column);
}

bool yaml_to_json(const char *text, size_t n, struct buf *out, struct yaml_map *ret_map,
	struct error *err)
{
	struct error unused = {0};
	struct yaml_tree tree;
	unsigned line, column;
	size_t at, start = out->len;
	bool mark = n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
	err = err ? err : &unused;
	text += mark ? 3 : 0;
	n -= mark ? 3 : 0;
	*ret_map = (struct yaml_map){0};
	const char *why = find_unreadable(text, n, &at);
	if (why) {
		json_position(text, at, &line, &column);
		error_set(err, ERROR_INPUT, "%s", why);
		return fail_readably(ret_map, err, line, column);
	}
	bool ok = yaml_tree_read(text, n, &tree, err);
	if (ok) {
		struct writer w = {.tree = &tree, .out = out, .start = start, .err = err};
		ok = write_tree(&w, ret_map, err);
	} else {
		fail_readably(ret_map, err, tree.line, tree.column);
	}
	if (!ok) {
		out->len = start;
		if (out->data)
			out->data[start] = '\0';
	}
	yaml_tree_finish(&tree);
	return ok;
}
