/* The kinds of task that this runtime has, alphabetically. */
#include "definition/task.h"

extern const struct task_kind task_call_function, task_call_http, task_call_openapi,
	task_call_sql, task_do, task_emit, task_extended, task_extension, task_for,
	task_fork, task_listen, task_raise, task_run_container, task_run_script,
	task_run_shell, task_run_workflow, task_set, task_switch, task_try, task_wait;

const struct task_kind *const task_kinds[] = {
	&task_call_function,
	&task_call_http,
	&task_call_openapi,
	&task_call_sql,
	&task_do,
	&task_emit,
	&task_extended,
	&task_extension,
	&task_for,
	&task_fork,
	&task_listen,
	&task_raise,
	&task_run_container,
	&task_run_script,
	&task_run_shell,
	&task_run_workflow,
	&task_set,
	&task_switch,
	&task_try,
	&task_wait,
	NULL,
};
