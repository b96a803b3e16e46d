/*
 * One line per event on stderr: time, level, message, and the run that it is about. Only
 * the one place that decides logs (the rest returns errors). What may come from outside
 * is escaped (escape.h).
 */
#ifndef STEPWELL_BASE_LOG_H
#define STEPWELL_BASE_LOG_H

#include "base/uuid.h"

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

enum log_format {
	LOG_TEXT,
	LOG_JSON, /* one object a line: at, level, message, process, run where there is
		     one */
};

/* Lines above the level are left out; by default those above LOG_INFO, as text. */
void log_choose(enum log_level most, enum log_format format);
bool log_shows(enum log_level level);
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* About a run. */
void log_run(enum log_level level, struct uuid run, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
