/*
 * A YAML document as a tree of nodes, whose scalars and keys are JSON text already. It is
 * what stands in the file: aliases point to nodes, merge keys are ordinary keys.
 */
#ifndef STEPWELL_YAML_TREE_H
#define STEPWELL_YAML_TREE_H

#include "base/buf.h"
#include "base/error.h"

enum yaml_type {
	YAML_SCALAR,
	YAML_SEQUENCE,
	YAML_MAPPING, /* its children are key, value, key, value ... */
	YAML_ALIAS,
};

#define YAML_NO_NODE UINT32_MAX

struct yaml_node {
	enum yaml_type type;
	bool merge;       /* a plain <<, which as a key merges its value */
	uint32_t first;   /* the first child; of an alias: the node it stands for */
	uint32_t next;    /* the next child of the same parent */
	uint32_t from, n; /* of a scalar: its JSON text, in the tree's json */
	unsigned line, column;
};

struct yaml_tree {
	struct yaml_node *nodes; /* the first is the root */
	uint32_t count, cap;
	struct buf json;
	unsigned line, column; /* where reading stopped, after a failure */
};

/* Reads the one document of a text that is UTF-8. The tree is to be finished either way.
 */
MUST_CHECK bool yaml_tree_read(
	const char *text, size_t n, struct yaml_tree *ret, struct error *err);
void yaml_tree_finish(struct yaml_tree *tree);

/* The node itself, or what an alias stands for. */
const struct yaml_node *yaml_tree_node(const struct yaml_tree *tree, uint32_t index);

#endif
