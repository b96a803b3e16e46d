/*
 * The inside of the compiler, shared by definition.c (the document), compiler.c (what
 * kinds ask for) and task.c (what all tasks have in common).
 */
#ifndef STEPWELL_DEFINITION_COMPILER_H
#define STEPWELL_DEFINITION_COMPILER_H

#include "definition/definition.h"
#include "definition/retry.h"
#include "json_schema/json_schema.h"
#include "json/index.h"
#include "json/names.h"

/* What a kind keeps until the definition is compiled, by the place of a text. */
struct kept {
	struct kept *next;
	const char *place;
	void *what;
	void (*destroy)(void *what);
};

struct compiler {
	struct definition *definition;
	struct json use, retry; /* the document's `use` and metadata.retry, or absent */
	struct json list;       /* the list whose tasks are being compiled */
	struct names names;     /* of its tasks, once a `then` asks for one */
	bool in_try;            /* inside a try's body */
	size_t need_count;
	struct json extensions;        /* use.extensions, or absent */
	bool in_extension;             /* its tasks are not extended */
	const struct call_site *calls; /* the functions being compiled, innermost first */
	size_t called;                 /* functions compiled so far, once per call */
	definition_on_fault on_fault;  /* NULL: the first fault ends the compilation */
	void *ctx;
	unsigned faults;
	struct task *task; /* whose members are being compiled; or NULL */
	/* What is looked up again and again. */
	size_t tasks;            /* compiled so far */
	struct json_index index; /* of the document and what was pinned with it */
	struct names secrets;    /* of use.secrets */
	void *policies;          /* tsearch's tree of named ones */
	void *needs;             /* likewise, of the definition's */
	struct kept *kept;
	struct json_schema_document *documents; /* what was pinned, as schemas */
	size_t document_count;
};

void compiler_finish(struct compiler *c);

/* NULL if there is none of that name. */
const struct task_kind *task_kind_find(const char *name);
/* Counts what keeps the definition from being run, and hands it to on_fault. `at`: the
 * place in the node's text. */
void compiler_report(struct compiler *c, struct json node, const char *at,
	bool expression, const char *text);
/* if, input, output, export, then, timeout and metadata of task->node. */
MUST_CHECK bool task_base_compile(
	struct compiler *c, struct task *task, struct error *err);
void task_finish(struct task *task);
/* A task that has its name, reference and node, with its extensions if it has any. */
MUST_CHECK bool compiler_task(struct compiler *c, struct task *task, struct error *err);
/* The same without extensions. */
MUST_CHECK bool compiler_plain_task(
	struct compiler *c, struct task *task, struct error *err);
/* A document that another one refers to, at that place, is not here: it is noted as
 * missing; false where the URI is none that can be read. */
bool compiler_wants_document(struct compiler *c, const char *uri, struct json place);
/* "a/b" in a JSON Pointer is "a~1b". */
void pointer_put_token(struct buf *b, const char *name);

#endif
