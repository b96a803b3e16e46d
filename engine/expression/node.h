/*
 * The tree that a node of a definition becomes, and the program that owns it. Private to
 * expression*.c.
 */
#ifndef STEPWELL_EXPRESSION_NODE_H
#define STEPWELL_EXPRESSION_NODE_H

#include "expression/expression.h"
#include "expression/source.h"
#include "jq/check.h"

enum node_kind {
	NODE_LITERAL,
	NODE_CODE,
	NODE_TEXT,  /* a string with ${ } in it: its items are literals without quotes and
		       code */
	NODE_ARRAY, /* of templates */
	NODE_OBJECT,
};

struct node {
	enum node_kind kind;
	struct json json; /* the definition's own text; of a literal in a text: `text` */
	struct json key;  /* its name in the object around it */
	char *text;
	struct source *code;
	size_t at;   /* the byte of the string's content where the code begins */
	char *fault; /* a ${ is not closed: why, and at which byte; or NULL */
	size_t fault_at;
	struct node *items;
	size_t nitems;
};

struct expression {
	struct program *program;
	struct node root;
	enum expression_form form;
	bool forgives;           /* loose: what fails in it is a literal */
	struct expression *next; /* in its bucket */
};

struct program {
	struct program_options options;
	struct evaluator *evaluator;
	struct expression **expressions;
	size_t n;
	struct expression **buckets; /* by where the node stands */
	size_t bucket_count;         /* grows with n */
};

#endif
