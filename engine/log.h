/*
 * One line per event on stderr: time, level, message with run and step where they matter.
 * Only the one place that decides logs (conventions 10). Control characters are escaped.
 */
#ifndef STEPWELL_LOG_H
#define STEPWELL_LOG_H

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO };

void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
