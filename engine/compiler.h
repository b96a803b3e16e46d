/*
 * The inside of the compiler, shared by definition.c (the document), compiler.c (what
 * kinds ask for) and task.c (what all tasks have in common).
 */
#ifndef STEPWELL_COMPILER_H
#define STEPWELL_COMPILER_H

#include "definition.h"
#include "retry.h"

struct compiler {
	struct definition *definition;
	struct json list; /* the list whose tasks are being compiled */
	bool in_try;      /* inside a try's body */
	size_t need_count;
};

/* NULL if there is none of that name. */
const struct task_kind *task_kind_find(const char *name);
/* if, input, output, export, then, timeout and metadata of task->node. */
MUST_CHECK bool task_base_compile(
	struct compiler *c, struct task *task, struct error *err);
void task_finish(struct task *task);

#endif
