/*
 * What the command line prints. Results go to stdout, talk goes to stderr. Nothing of a
 * run reaches a terminal unescaped (base/escape.h); colours only on a terminal and
 * without NO_COLOR. Payloads are JSON text and are passed on as they are: on a terminal,
 * the characters that could harm it appear as \u escapes, which mean the same.
 */
#ifndef STEPWELL_OUTPUT_H
#define STEPWELL_OUTPUT_H

#include "base/uuid.h"
#include "options.h"

#include <cjson/cJSON.h>
#include <stdint.h>

enum output {
	OUTPUT_TEXT,
	OUTPUT_JSON,
	OUTPUT_JSONL,
	OUTPUT_NONE, /* nothing but errors */
};

enum output output_form(const struct options *o); /* by --output */
enum output output_by_name(const char *text);     /* NULL: text */

/* One line as it may be shown, line breaks escaped too; caller frees. All text of a run
 * or of its definition passes through it before output_say or output_print, which let
 * line breaks through. */
char *output_safe(const char *text);
/* Talk, on stderr; a line break is added. */
void output_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What is wrong, on one line of stderr. */
void output_wrong(const char *text);
/* Text on stdout; no line break is added. */
void output_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* JSON text and a line break on stdout. NULL: null. */
void output_payload(const char *json);
/* The object on one line of stdout; takes it. */
void output_object(cJSON *object);

/* What a command says of several things: one array with json, an object a line with
 * jsonl. A command whose arguments may name several prints it for one, too. */
struct output_list {
	enum output form; /* not text */
	bool begun;
};
/* Takes the object. */
void output_item(struct output_list *l, cJSON *object);
/* To be called once; complete: an empty list is said, too, where nothing was. */
void output_list_end(struct output_list *l, bool complete);
/* Everything to stdout is written: false when it could not be. */
MUST_CHECK bool output_flush(void);

bool output_has_colours(void); /* whether stdout may have colours */
enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_BAD, COLOUR_BUSY, COLOUR_DIM };
/* Switches stdout to a colour, where it may. */
void output_colour(enum colour c);

/* Members of our own documents; absent values (0, NULL) are null. */
void object_text(cJSON *object, const char *name, const char *text);
void object_payload(cJSON *object, const char *name, const char *json);
void object_time(cJSON *object, const char *name, int64_t usec);
void object_uuid(cJSON *object, const char *name, struct uuid id);
void object_workflow(
	cJSON *object, const char *namespace, const char *name, const char *version);

#endif
