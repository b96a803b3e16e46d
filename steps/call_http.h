/* The kind of task `call: http`. */
#ifndef STEPWELL_CALL_HTTP_H
#define STEPWELL_CALL_HTTP_H

#include "definition/task.h"

extern const struct task_kind task_call_http;

#endif
