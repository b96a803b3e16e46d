/* Reading secrets, and keeping the process that holds them to itself. */
#include "run/secrets.h"

#include "json/names.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct variable {
	char *name; /* without the prefix */
	char *value;
};

struct secrets {
	const char *folder, *prefix;
	struct variable *variables;
	size_t count;
};

bool secret_prefix_is(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return !*s;
}

/* ---- The environment ---- */

/* The text that `variable` points to stays where the kernel put it: it is overwritten. */
static void take_variable(struct secrets *s, char *variable)
{
	char *equals = strchr(variable, '=');
	size_t skip = strlen(s->prefix);
	s->variables = xrealloc(s->variables, (s->count + 1) * sizeof *s->variables);
	struct variable *v = &s->variables[s->count++];
	v->name = xstrndup(variable + skip, (size_t)(equals - variable) - skip);
	v->value = xstrdup(equals + 1);
	explicit_bzero(equals + 1, strlen(equals + 1));
}

static void take_variables(struct secrets *s)
{
	size_t n = strlen(s->prefix);
	char **to = environ;
	for (char **from = environ; from && *from; from++) {
		if (strncmp(*from, s->prefix, n) == 0 && strchr(*from + n, '='))
			take_variable(s, *from);
		else
			*to++ = *from;
	}
	if (to)
		*to = NULL;
}

struct secrets *secrets_create(const char *folder, const char *prefix)
{
	struct secrets *s = xcalloc(1, sizeof *s);
	s->folder = folder;
	s->prefix = prefix;
	if (prefix)
		take_variables(s);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return s;
}

void secrets_destroy(struct secrets *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		free(s->variables[i].name);
		explicit_bzero(s->variables[i].value, strlen(s->variables[i].value));
		free(s->variables[i].value);
	}
	free(s->variables);
	free(s);
}

size_t secrets_variables(const struct secrets *s, char **ret)
{
	for (size_t i = 0; s && ret && i < s->count; i++)
		ret[i] = xasprintf("%s%s=%s", s->prefix, s->variables[i].name,
			s->variables[i].value);
	return s ? s->count : 0;
}

static const char *find_variable(const struct secrets *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->variables[i].name, name) == 0)
			return s->variables[i].value;
	}
	return NULL;
}

/* ---- Files ---- */

static bool refuse(const char *name, int errnum, struct error *err)
{
	return error_set(err, ERROR_DENIED, "the secret \"%s\" cannot be read: %s", name,
		strerror(errnum));
}

static bool read_all(int fd, const char *name, struct buf *out, struct error *err)
{
	char part[4096];
	struct stat st;
	ssize_t n = 1;
	if (fstat(fd, &st) != 0)
		return refuse(name, errno, err);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_DENIED,
			"the secret \"%s\" cannot be read: it is not a file", name);
	while (out->len <= SECRET_BYTES && n > 0) {
		n = read(fd, part, sizeof part);
		if (n > 0)
			buf_add(out, part, (size_t)n);
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	int why = errno;
	explicit_bzero(part, sizeof part);
	return n >= 0 || refuse(name, why, err);
}

/* *ret_found is false, and nothing is wrong, where there is no such file. */
static bool read_file(const struct secrets *s, const char *name, struct buf *out,
	bool *ret_found, struct error *err)
{
	char *path = xasprintf("%s/%s", s->folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int why = errno;
	free(path);
	*ret_found = fd >= 0;
	if (fd < 0)
		return why == ENOENT || refuse(name, why, err);
	bool ok = read_all(fd, name, out, err);
	close(fd);
	return ok;
}

/* ---- Values ---- */

static bool is_compound(struct json v)
{
	return json_type(v) == JSON_OBJECT || json_type(v) == JSON_ARRAY;
}

/* The text as JSON. */
static bool put_value(
	const char *name, const struct buf *text, struct buf *out, struct error *err)
{
	static const struct json_limits limits = {.bytes = 8 * SECRET_BYTES};
	struct json v;
	struct buf quoted = {0};
	size_t n = text->len;
	if (n > SECRET_BYTES)
		return error_set(err, ERROR_INPUT,
			"the secret \"%s\" is larger than %u KiB", name,
			SECRET_BYTES >> 10);
	if (json_check(buf_text(text), n, &limits, &v, NULL, NULL) && is_compound(v)) {
		json_put(out, v);
		return true;
	}
	n -= n && text->data[n - 1] == '\n';
	n -= n < text->len && n && text->data[n - 1] == '\r';
	json_put_string(&quoted, buf_text(text), n);
	bool ok = json_check(quoted.data, quoted.len, &limits, &v, NULL, NULL);
	if (ok)
		json_put(out, v);
	else
		error_set(err, ERROR_INPUT,
			"the secret \"%s\" is not UTF-8 text: store it as base64", name);
	buf_wipe(&quoted);
	return ok;
}

static bool say_missing(const struct secrets *s, const char *name, struct error *err)
{
	if (!s)
		return error_set(err, ERROR_NOT_FOUND,
			"there is no secret \"%s\": this worker was started without "
			"--secrets and --secret-env",
			name);
	return error_set(err, ERROR_NOT_FOUND,
		"there is no secret \"%s\": %s%s%s%s%s of this worker", name,
		s->folder ? "no such file in the --secrets folder" : "",
		s->folder && s->prefix ? ", and " : "", s->prefix ? "no variable " : "",
		s->prefix ? s->prefix : "", s->prefix ? name : "");
}

bool secrets_read(
	const struct secrets *s, const char *name, struct buf *out, struct error *err)
{
	struct buf text = {0};
	bool found = false, ok = true;
	if (s && s->folder && secret_name_is(name, strlen(name)))
		ok = read_file(s, name, &text, &found, err);
	const char *value = s && ok && !found ? find_variable(s, name) : NULL;
	if (value)
		buf_puts(&text, value);
	if (ok)
		ok = found || value ? put_value(name, &text, out, err)
				    : say_missing(s, name, err);
	buf_wipe(&text);
	return ok;
}

void secret_put_reference(const char *name, struct json value, struct buf *out)
{
	struct json_iter it = json_iter(value);
	struct json key, v;
	bool more = false;
	switch (json_type(value)) {
	case JSON_NONE:
	case JSON_NULL: buf_puts(out, "null"); break;
	case JSON_FALSE:
	case JSON_TRUE: buf_puts(out, "false"); break;
	case JSON_NUMBER: buf_puts(out, "1"); break;
	case JSON_STRING: buf_printf(out, "\"secret.%s\"", name); break;
	case JSON_ARRAY:
		buf_putc(out, '[');
		for (; json_next_element(&it, &v); more = true) {
			buf_puts(out, more ? "," : "");
			secret_put_reference(name, v, out);
		}
		buf_putc(out, ']');
		break;
	case JSON_OBJECT:
		buf_putc(out, '{');
		for (; json_next_member(&it, &key, &v); more = true) {
			buf_puts(out, more ? "," : "");
			json_put(out, key);
			buf_putc(out, ':');
			secret_put_reference(name, v, out);
		}
		buf_putc(out, '}');
		break;
	}
}
