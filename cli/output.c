/* Printing: text, JSON, escapes and colours. */
#include "output.h"

#include "base/clock.h"
#include "base/escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum output output_by_name(const char *text)
{
	if (!text || strcmp(text, "text") == 0)
		return OUTPUT_TEXT;
	return strcmp(text, "json") == 0 ? OUTPUT_JSON : OUTPUT_JSONL;
}

enum output output_form(const struct options *o)
{
	return output_by_name(options_text(o, "output"));
}

char *output_safe(const char *text)
{
	struct buf safe = {0};
	escape_text(text, strlen(text), false, &safe);
	return buf_take(&safe);
}

static void write_escaped(FILE *file, const char *format, va_list args)
{
	struct buf safe = {0};
	char *text = NULL;
	if (vasprintf(&text, format, args) < 0)
		abort();
	escape_text(text, strlen(text), true, &safe);
	fwrite(buf_text(&safe), 1, safe.len, file);
	buf_finish(&safe);
	free(text);
}

void output_say(const char *format, ...)
{
	va_list args;
	fflush(stdout);
	va_start(args, format);
	write_escaped(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void output_wrong(const char *text)
{
	char *safe = output_safe(text);
	output_say("wfctl: %s", safe);
	free(safe);
}

void output_print(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	write_escaped(stdout, format, args);
	va_end(args);
}

void output_payload(const char *json)
{
	struct buf safe = {0};
	if (!json)
		json = "null";
	if (isatty(STDOUT_FILENO)) {
		escape_text(json, strlen(json), true, &safe);
		json = buf_text(&safe);
	}
	fputs(json, stdout);
	fputc('\n', stdout);
	buf_finish(&safe);
}

void output_object(cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);
	if (!text)
		abort();
	output_payload(text);
	free(text);
	cJSON_Delete(object);
}

void output_item(struct output_list *l, cJSON *object)
{
	if (l->form == OUTPUT_JSON)
		fputs(l->begun ? "," : "[", stdout);
	l->begun = true;
	output_object(object);
}

void output_list_end(struct output_list *l, bool complete)
{
	if (l->form != OUTPUT_JSON || (!l->begun && !complete))
		return;
	fputs(l->begun ? "]\n" : "[]\n", stdout);
}

bool output_flush(void)
{
	return fflush(stdout) == 0 && !ferror(stdout);
}

bool output_has_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(STDOUT_FILENO) && !(no && *no) &&
	       !(term && strcmp(term, "dumb") == 0);
}

void output_colour(enum colour c)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "\x1b[0m",
		[COLOUR_GOOD] = "\x1b[32m",
		[COLOUR_BAD] = "\x1b[31m",
		[COLOUR_BUSY] = "\x1b[33m",
		[COLOUR_DIM] = "\x1b[2m",
	};
	if (output_has_colours())
		fputs(codes[c], stdout);
}

void object_text(cJSON *object, const char *name, const char *text)
{
	if (text)
		cJSON_AddStringToObject(object, name, text);
	else
		cJSON_AddNullToObject(object, name);
}

void object_payload(cJSON *object, const char *name, const char *json)
{
	if (!json) {
		cJSON_AddNullToObject(object, name);
		return;
	}
	/* Raw line breaks of JSON text stand between tokens: the object stays on one
	 * line. */
	char *line = xstrdup(json);
	for (char *p = line; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	cJSON_AddRawToObject(object, name, line);
	free(line);
}

void object_time(cJSON *object, const char *name, int64_t usec)
{
	char text[CLOCK_TEXT];
	clock_format(usec, text);
	object_text(object, name, usec ? text : NULL);
}

void object_uuid(cJSON *object, const char *name, struct uuid id)
{
	char text[UUID_TEXT];
	uuid_format(id, text);
	object_text(object, name, text);
}

void object_workflow(
	cJSON *object, const char *namespace, const char *name, const char *version)
{
	cJSON *workflow = cJSON_AddObjectToObject(object, "workflow");
	object_text(workflow, "namespace", namespace);
	object_text(workflow, "name", name);
	object_text(workflow, "version", version);
}
