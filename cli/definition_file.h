/*
 * A definition's file: read, judged and compiled. What is wrong with it is printed, one
 * finding a line: file:line:col: error: /pointer: text.
 */
#ifndef STEPWELL_DEFINITION_FILE_H
#define STEPWELL_DEFINITION_FILE_H

#include "definition/definition.h"
#include "validate/validate.h"
#include "yaml/yaml.h"

#include <cjson/cJSON.h>

struct definition_file {
	char *path;
	char *text; /* as JSON, also of a file in YAML */
	size_t n;
	char *yaml; /* a file in YAML as it is, else NULL */
	size_t yaml_n;
	struct yaml_map places; /* in the YAML; empty for a file in JSON */
	struct findings findings;
	struct json document;          /* the text, unless it is not JSON at all */
	struct definition *definition; /* NULL unless it can be run */
};

/* Whether an argument means a file: it exists, or ends in .json, .yaml or .yml. */
bool definition_file_is(const char *argument);

bool file_is_yaml(const char *path); /* by the ending of its name */

/* Reads and judges. ERROR_NOT_FOUND or ERROR_DENIED when it cannot be read; a wrong
 * document is no failure here. */
MUST_CHECK bool definition_file_open(
	const char *path, struct definition_file *ret, struct error *err);
void definition_file_finish(struct definition_file *f);

/* Valid by the specification; `runnable`: also by this runtime. */
bool definition_file_valid(const struct definition_file *f, bool runnable);
/* Prints the findings to stdout, or else to stderr; what this runtime does not run is an
 * error where `runnable`, else a warning. */
void definition_file_print(
	const struct definition_file *f, bool runnable, bool to_stdout);
cJSON *definition_file_object(const struct definition_file *f, bool runnable);

/* "FILE:LINE:COLUMN: error: /pointer: text" of a fault of the compiler, as findings are
 * printed; of one in what was read for the file, where that is asked for, its name, and
 * the pointer in it. */
void definition_file_put_fault(const struct definition_file *f,
	const struct definition_fault *fault, struct buf *out);
/* "FILE:LINE:COLUMN: error: /pointer:" of where the document asks for a resource, itself
 * or by others of these (may be absent); FILE alone where that cannot be told. */
void definition_file_put_call(const struct definition_file *f, struct json resources,
	const char *name, struct buf *out);

/* Reads and judges a file that is to be run: prints what is wrong and returns the exit
 * code. */
int definition_file_load(const char *path, struct definition_file *ret);

/* The files of a folder (*.json, *.yaml, *.yml, sorted) or the file itself; NULL-ended,
 * caller frees all. */
MUST_CHECK bool definition_file_expand(
	const char *path, char ***ret_files, struct error *err);

/* The bytes of a file ("-": of stdin), at most `most`; caller frees. */
MUST_CHECK bool file_read(
	const char *path, size_t most, char **ret, size_t *ret_n, struct error *err);

#endif
