/* Definitions from files: validate says what is wrong with the document, the compiler and
 * jq say what is wrong with its expressions. */
#include "definition_file.h"

#include "command.h"
#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64u << 20)
#define FAULTS_MAX 1000 /* listed */

static bool ends_in(const char *name, const char *ending)
{
	size_t n = strlen(name), m = strlen(ending);
	return n > m && strcmp(name + n - m, ending) == 0;
}

bool file_is_yaml(const char *path)
{
	return ends_in(path, ".yaml") || ends_in(path, ".yml");
}

bool definition_file_is(const char *argument)
{
	struct stat st;
	return strcmp(argument, "-") == 0 || ends_in(argument, ".json") ||
	       file_is_yaml(argument) || stat(argument, &st) == 0;
}

/* ---- Reading ---- */

static bool refuse(const char *path, struct error *err)
{
	int why = errno;
	char *safe = output_safe(path);
	error_set(err, why == ENOENT ? ERROR_NOT_FOUND : ERROR_DENIED, "%s: %s", safe,
		strerror(why));
	free(safe);
	return false;
}

/* The byte order mark that editors of some systems put before UTF-8 is no content. */
static void drop_mark(struct buf *b)
{
	if (b->len < 3 || memcmp(b->data, "\xEF\xBB\xBF", 3) != 0)
		return;
	b->len -= 3;
	memmove(b->data, b->data + 3, b->len);
	b->data[b->len] = '\0';
}

bool file_read(
	const char *path, size_t most, char **ret, size_t *ret_n, struct error *err)
{
	struct buf b = {0};
	char part[65536];
	bool standard = strcmp(path, "-") == 0;
	FILE *f = standard ? stdin : fopen(path, "rbe");
	if (!f)
		return refuse(path, err);
	for (size_t n; b.len <= most && (n = fread(part, 1, sizeof part, f)) > 0;)
		buf_add(&b, part, n);
	bool ok = !ferror(f) || refuse(path, err);
	if (!standard)
		fclose(f);
	if (ok && b.len > most)
		ok = error_set(
			err, ERROR_INPUT, "%s: larger than %zu MiB", path, most >> 20);
	if (!ok) {
		buf_finish(&b);
		return false;
	}
	drop_mark(&b);
	*ret_n = b.len;
	*ret = buf_take(&b);
	return true;
}

/* Of a folder, where nobody has named it: a pipe would be waited for. */
static bool check_regular(const char *path, struct error *err)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return refuse(path, err);
	if (S_ISREG(st.st_mode))
		return true;
	char *safe = output_safe(path);
	error_set(err, ERROR_INPUT, "%s: not a regular file", safe);
	free(safe);
	return false;
}

static int is_document(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (ends_in(entry->d_name, ".json") || file_is_yaml(entry->d_name));
}

bool definition_file_expand(const char *path, char ***ret_files, struct error *err)
{
	struct dirent **entries;
	struct stat st;
	bool standard = strcmp(path, "-") == 0;
	if (!standard && stat(path, &st) != 0)
		return refuse(path, err);
	if (standard || !S_ISDIR(st.st_mode)) {
		*ret_files = xcalloc(2, sizeof **ret_files);
		(*ret_files)[0] = xstrdup(path);
		return true;
	}
	int n = scandir(path, &entries, is_document, alphasort);
	if (n < 0)
		return refuse(path, err);
	if (n == 0) {
		free(entries);
		return error_set(
			err, ERROR_NOT_FOUND, "%s: no definition is in it", path);
	}
	*ret_files = xcalloc((size_t)n + 1, sizeof **ret_files);
	bool ok = true;
	for (int i = 0; i < n; i++) {
		char *file = xasprintf("%s/%s", path, entries[i]->d_name);
		ok = ok && check_regular(file, err);
		(*ret_files)[i] = file;
		free(entries[i]);
	}
	free(entries);
	for (int i = 0; !ok && i < n; i++)
		free((*ret_files)[i]);
	if (!ok)
		free(*ret_files);
	return ok;
}

/* ---- Judging ---- */

/* Appends the JSON Pointer of the value at `offset` inside v. */
static void point(struct json v, const char *at, struct buf *out)
{
	struct json_iter it = json_iter(v);
	struct json key, child;
	bool object = json_type(v) == JSON_OBJECT;
	for (size_t i = 0; object ? json_next_member(&it, &key, &child)
				  : json_next_element(&it, &child);
		i++) {
		if (at < child.s || at >= child.s + child.n)
			continue;
		buf_putc(out, '/');
		char *name = object ? json_strdup(key) : xasprintf("%zu", i);
		for (const char *p = name; *p; p++) {
			if (*p == '~' || *p == '/')
				buf_puts(out, *p == '~' ? "~0" : "~1");
			else
				buf_putc(out, *p);
		}
		free(name);
		point(child, at, out);
		return;
	}
}

/* A function that is called twice is compiled twice. */
static bool is_known(const struct findings *all, const struct finding *found)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct finding *x = &all->items[i];
		if (x->line == found->line && x->column == found->column &&
			strcmp(x->text, found->text) == 0)
			return true;
	}
	return false;
}

static void on_fault(void *ctx, const struct definition_fault *fault)
{
	struct definition_file *f = ctx;
	struct findings *all = &f->findings;
	struct finding finding = {FINDING_UNSUPPORTED, 1, 1, NULL, NULL};
	struct buf pointer = {0};
	all->unsupported++;
	if (all->count >= FAULTS_MAX)
		return;
	finding.text = xasprintf("%s%s",
		fault->expression ? "the expression does not compile: " : "",
		fault->text);
	if (fault->offset != SIZE_MAX) {
		json_position(f->text, fault->at, &finding.line, &finding.column);
		point(f->document, f->text + fault->offset, &pointer);
	}
	if (is_known(all, &finding)) {
		free(finding.text);
		buf_finish(&pointer);
		return;
	}
	finding.pointer = buf_take(&pointer);
	all->items = xrealloc(all->items, (all->count + 1) * sizeof *all->items);
	all->items[all->count++] = finding;
}

/* "FILE:LINE:COLUMN: error: /pointer:" of a byte of the text, and the value around it. */
static void put_place(
	const struct definition_file *f, size_t at, const char *value, struct buf *out)
{
	struct yaml_source source = {f->yaml, f->yaml_n, f->text};
	struct yaml_map places = f->places;
	unsigned line, column;
	json_position(f->text, at, &line, &column);
	if (places.count)
		yaml_find(&source, &places, at, &line, &column);
	buf_printf(out, "%s:%u:%u: error: ", f->path, line, column);
	point(f->document, value, out);
	buf_putc(out, ':');
}

/* The value of a member that is this text; absent where there is none. */
static struct json find_text(struct json v, const char *text)
{
	struct json_iter it = json_iter(v);
	struct json key, child, found = {0};
	bool object = json_type(v) == JSON_OBJECT;
	if (!object && json_type(v) != JSON_ARRAY)
		return found;
	while (!found.s && (object ? json_next_member(&it, &key, &child)
				   : json_next_element(&it, &child))) {
		if (object && json_string_is(child, text))
			return child;
		found = find_text(child, text);
	}
	return found;
}

/* The name of the resource in which the text is; NULL: in none. Caller frees. */
static char *find_asking(struct json resources, const char *text)
{
	struct json_iter it = json_iter(resources);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		if (!json_string_is(key, text) && find_text(value, text).s)
			return json_strdup(key);
	}
	return NULL;
}

#define ASKING_MAX 50 /* how deep documents refer to documents */

void definition_file_put_call(const struct definition_file *f, struct json resources,
	const char *name, struct buf *out)
{
	char *asked = xstrdup(name);
	struct json call = find_text(f->document, asked);
	for (int i = 0; !call.s && asked && resources.s && i < ASKING_MAX; i++) {
		char *asking = find_asking(resources, asked);
		free(asked);
		asked = asking;
		if (asked)
			call = find_text(f->document, asked);
	}
	free(asked);
	if (call.s)
		put_place(f, (size_t)(call.s - f->text), call.s, out);
	else
		buf_printf(out, "%s: error:", f->path);
}

static void put_resource(const struct definition_file *f,
	const struct definition_fault *fault, struct buf *out)
{
	struct json_iter it = json_iter(fault->resources);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		if (fault->node.s < value.s || fault->node.s >= value.s + value.n)
			continue;
		char *name = json_strdup(key);
		definition_file_put_call(f, fault->resources, name, out);
		buf_printf(out, " %s: ", name);
		point(value, fault->node.s, out);
		buf_putc(out, ':');
		free(name);
		return;
	}
	buf_printf(out, "%s: error:", f->path);
}

void definition_file_put_fault(const struct definition_file *f,
	const struct definition_fault *fault, struct buf *out)
{
	if (fault->offset == SIZE_MAX)
		put_resource(f, fault, out);
	else
		put_place(f, fault->at, f->text + fault->offset, out);
	buf_printf(out, " %s%s",
		fault->expression ? "the expression does not compile: " : "",
		fault->text);
}

static int compare_places(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

/* The JSON of a YAML file is one line: the findings, in its order, know the character. */
static void place_in_yaml(struct definition_file *f)
{
	struct yaml_source source = {f->yaml, f->yaml_n, f->text};
	size_t offset = 0;
	unsigned column = 1;
	for (size_t i = 0; i < f->findings.count; i++) {
		struct finding *finding = &f->findings.items[i];
		for (; column < finding->column && offset < f->n; column++) {
			offset++;
			while (offset < f->n && (f->text[offset] & 0xC0) == 0x80)
				offset++;
		}
		yaml_find(&source, &f->places, offset, &finding->line, &finding->column);
	}
}

/* The error says the position in words too; a finding has it in numbers. */
static void cut_position(char *text)
{
	char *last = NULL;
	for (char *at = text; (at = strstr(at, " at line ")); at++)
		last = at;
	if (last)
		*last = '\0';
}

/* Puts the JSON in the place of the YAML; what is not YAML is a finding. */
static bool convert(struct definition_file *f)
{
	struct buf json = {0};
	struct error err;
	if (yaml_to_json(f->text, f->n, &json, &f->places, &err)) {
		f->yaml = f->text;
		f->yaml_n = f->n;
		f->n = json.len;
		f->text = buf_take(&json);
		return true;
	}
	cut_position(err.text);
	f->findings = (struct findings){.count = 1, .errors = 1};
	f->findings.items = xcalloc(1, sizeof *f->findings.items);
	struct finding *finding = f->findings.items;
	*finding = (struct finding){.class = FINDING_ERROR};
	yaml_map_position(&f->places, 0, &finding->line, &finding->column);
	finding->pointer = xstrdup("");
	finding->text = xasprintf("not YAML: %s", err.text);
	return false;
}

/* Standard input has no name that says it. */
static bool is_yaml(const struct definition_file *f)
{
	if (strcmp(f->path, "-") != 0)
		return file_is_yaml(f->path);
	size_t space = 0;
	while (space < f->n && strchr(" \t\r\n", f->text[space]))
		space++;
	return space < f->n && f->text[space] != '{';
}

static void judge(struct definition_file *f)
{
	if (is_yaml(f) && !convert(f))
		return;
	validate(f->text, f->n, &f->document, &f->findings);
	if (!f->findings.errors && !f->findings.unsupported) {
		size_t count = f->findings.count;
		definition_check(f->text, f->n, on_fault, f, &f->definition);
		if (f->findings.count > count)
			qsort(f->findings.items, f->findings.count,
				sizeof *f->findings.items, compare_places);
	}
	if (f->places.count)
		place_in_yaml(f);
}

bool definition_file_open(
	const char *path, struct definition_file *ret, struct error *err)
{
	struct definition_file f = {0};
	if (!file_read(path, FILE_MAX, &f.text, &f.n, err))
		return false;
	f.path = xstrdup(path);
	judge(&f);
	*ret = f;
	return true;
}

void definition_file_finish(struct definition_file *f)
{
	free(f->path);
	free(f->text);
	free(f->yaml);
	yaml_map_finish(&f->places);
	findings_finish(&f->findings);
	definition_unref(f->definition);
	*f = (struct definition_file){0};
}

bool definition_file_valid(const struct definition_file *f, bool runnable)
{
	return !f->findings.errors && (!runnable || !f->findings.unsupported);
}

/* ---- Printing ---- */

static const char *class_name(enum finding_class class, bool runnable)
{
	return class == FINDING_ERROR || (class == FINDING_UNSUPPORTED && runnable)
		       ? "error"
		       : "warning";
}

static void print_line(bool to_stdout, char *line)
{
	char *safe = output_safe(line);
	if (to_stdout)
		output_print("%s\n", safe);
	else
		output_say("%s", safe);
	free(safe);
	free(line);
}

void definition_file_print(const struct definition_file *f, bool runnable, bool to_stdout)
{
	for (size_t i = 0; i < f->findings.count; i++) {
		const struct finding *x = &f->findings.items[i];
		print_line(
			to_stdout, xasprintf("%s:%u:%u: %s: %s%s%s", f->path, x->line,
					   x->column, class_name(x->class, runnable),
					   x->pointer, *x->pointer ? ": " : "", x->text));
	}
}

static void add_finding(cJSON *array, const char *class, const struct finding *x)
{
	cJSON *object = cJSON_CreateObject();
	object_text(object, "class", class);
	cJSON_AddNumberToObject(object, "line", x->line);
	cJSON_AddNumberToObject(object, "column", x->column);
	object_text(object, "pointer", x->pointer);
	object_text(object, "text", x->text);
	cJSON_AddItemToArray(array, object);
}

cJSON *definition_file_object(const struct definition_file *f, bool runnable)
{
	cJSON *object = cJSON_CreateObject();
	object_text(object, "file", f->path);
	cJSON_AddBoolToObject(object, "valid", f->findings.errors == 0);
	cJSON_AddBoolToObject(object, "runnable", f->definition != NULL);
	cJSON *array = cJSON_AddArrayToObject(object, "findings");
	for (size_t i = 0; i < f->findings.count; i++) {
		const struct finding *x = &f->findings.items[i];
		add_finding(array, class_name(x->class, runnable), x);
	}
	return object;
}

int definition_file_load(const char *path, struct definition_file *ret)
{
	struct error err;
	struct definition_file f;
	if (!definition_file_open(path, &f, &err))
		return command_fail(&err);
	if (f.definition) {
		*ret = f;
		return EXIT_DONE;
	}
	definition_file_print(&f, true, false);
	definition_file_finish(&f);
	return EXIT_INVALID;
}
