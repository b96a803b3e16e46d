/*
 * What the processes of `run` tasks are asked to do: evaluation of arguments, environment
 * and stdin, and the digest. Every attempt of a step renders the same.
 */
#include "process/request.h"

#include <string.h>

static const char *const return_names[] = {"stdout", "stderr", "code", "all", "none"};

/* ---- Definition ---- */

bool process_spec_compile(struct process_spec *spec, const char *key, struct compiler *c,
	struct json run, struct error *err)
{
	struct json process = json_get(run, key), ret = json_get(run, "return");
	spec->key = key;
	spec->await = !json_is(json_get(run, "await"), "false");
	for (enum process_return r = RETURN_STDOUT; r <= RETURN_NONE; r++) {
		if (json_string_is(ret, return_names[r]))
			spec->ret = r;
	}
	compiler_need(c, "shell");
	return compiler_expression(c, json_get(process, "arguments"), EXPRESSION_VALUE,
		       &spec->arguments, err) &&
	       compiler_expression(c, json_get(process, "environment"), EXPRESSION_VALUE,
		       &spec->environment, err) &&
	       compiler_expression(c, json_get(process, "stdin"), EXPRESSION_VALUE,
		       &spec->input, err);
}

/* ---- Values ---- */

static const struct process_spec *spec_of(const struct render *in)
{
	return in->task->spec;
}

bool process_value_text(const struct process_spec *spec, struct json v, const char *what,
	struct buf *out, struct fault *f)
{
	buf_puts(out, ""); /* an empty text is terminated too */
	if (json_type(v) == JSON_STRING)
		json_string(v, out);
	else
		json_canonical(v, out);
	if (out->len && memchr(out->data, '\0', out->len))
		return fault_set(f, PROBLEM_VALIDATION,
			"run.%s.%s contains a NUL character, which no process can be "
			"given",
			spec->key, what);
	return true;
}

static bool evaluate(struct expression *e, const struct render *in, const char *what,
	struct buf *ret, struct fault *f)
{
	struct error err = {0};
	if (expression_eval(e, in->scope, ret, &err))
		return true;
	return fault_set(f, PROBLEM_EXPRESSION, "run.%s.%s: %.700s", spec_of(in)->key,
		what, err.text);
}

bool process_evaluate(struct expression *e, const struct render *in, const char *what,
	enum json_type type, struct buf *ret, struct fault *f)
{
	if (!evaluate(e, in, what, ret, f))
		return false;
	if (json_type((struct json){ret->data, ret->len}) == type)
		return true;
	return fault_set(f, PROBLEM_VALIDATION, "run.%s.%s must be %s", spec_of(in)->key,
		what,
		type == JSON_STRING  ? "a string"
		: type == JSON_ARRAY ? "an array"
				     : "an object");
}

bool process_evaluate_text(struct expression *e, const struct render *in,
	const char *what, char **ret, struct fault *f)
{
	struct buf json = {0}, text = {0};
	bool ok = process_evaluate(e, in, what, JSON_STRING, &json, f) &&
		  process_value_text(spec_of(in), (struct json){json.data, json.len},
			  what, &text, f);
	buf_finish(&json);
	if (ok)
		*ret = buf_take(&text);
	buf_finish(&text);
	return ok;
}

/* ---- Request ---- */

bool process_request_init(
	struct process_request *r, const struct render *in, struct fault *f)
{
	const struct process_spec *spec = spec_of(in);
	r->spec = spec;
	if (!in->host->settings->allow_run)
		return fault_set(f, PROBLEM_CONFIGURATION,
			"run: %s is off in this worker: start it with --allow-run",
			spec->key);
	if (!spec->await)
		json_put(&r->dot, in->scope->dot);
	return true;
}

void process_request_finish(struct process_request *r)
{
	list_finish(&r->argv);
	for (size_t i = 0; i < list_count(&r->envp); i++)
		explicit_bzero(list_items(&r->envp)[i], strlen(list_items(&r->envp)[i]));
	list_finish(&r->envp);
	buf_wipe(&r->input);
	buf_finish(&r->dot);
}

bool process_request_arguments(
	struct process_request *r, const struct render *in, struct fault *f)
{
	if (!r->spec->arguments)
		return true;
	struct buf json = {0};
	struct json element;
	bool ok = process_evaluate(
		r->spec->arguments, in, "arguments", JSON_ARRAY, &json, f);
	struct json_iter it = {0};
	if (ok)
		it = json_iter((struct json){json.data, json.len});
	while (ok && json_next_element(&it, &element)) {
		struct buf text = {0};
		ok = process_value_text(r->spec, element, "arguments", &text, f);
		list_add(&r->argv, buf_take(&text));
	}
	buf_finish(&json);
	return ok;
}

/* [A-Za-z_][A-Za-z0-9_]*: what every shell can name. */
static bool name_is_valid(const struct buf *name)
{
	static const char first[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	if (!name->len || !memchr(first, name->data[0], sizeof first - 1))
		return false;
	for (size_t i = 1; i < name->len; i++) {
		char c = name->data[i];
		if (!memchr(first, c, sizeof first - 1) && (c < '0' || c > '9'))
			return false;
	}
	return true;
}

static bool render_variable(
	struct process_request *r, struct json key, struct json value, struct fault *f)
{
	struct buf text = {0};
	json_string(key, &text);
	bool ok = name_is_valid(&text);
	if (!ok) {
		fault_set(f, PROBLEM_VALIDATION,
			"run.%s.environment: %.*s is not a name of letters, digits "
			"and _",
			r->spec->key, (int)(key.n < 200 ? key.n : 200), key.s);
	} else {
		buf_putc(&text, '=');
		ok = process_value_text(r->spec, value, "environment", &text, f);
	}
	list_add(&r->envp, buf_take(&text));
	return ok;
}

static bool render_environment(
	struct process_request *r, const struct render *in, struct fault *f)
{
	if (!r->spec->environment)
		return true;
	struct buf json = {0};
	struct json key, value;
	bool ok = process_evaluate(
		r->spec->environment, in, "environment", JSON_OBJECT, &json, f);
	struct json_iter it = {0};
	if (ok)
		it = json_iter((struct json){json.data, json.len});
	while (ok && json_next_member(&it, &key, &value))
		ok = render_variable(r, key, value, f);
	buf_finish(&json);
	return ok;
}

static bool render_input(
	struct process_request *r, const struct render *in, struct fault *f)
{
	r->has_input = r->spec->input;
	if (!r->spec->input)
		return true;
	struct buf json = {0};
	bool ok = evaluate(r->spec->input, in, "stdin", &json, f) &&
		  process_value_text(r->spec, (struct json){json.data, json.len}, "stdin",
			  &r->input, f);
	buf_finish(&json);
	return ok;
}

bool process_request_surroundings(
	struct process_request *r, const struct render *in, struct fault *f)
{
	return render_environment(r, in, f) && render_input(r, in, f);
}

static void put_list(struct buf *out, const struct buf *list)
{
	buf_printf(out, "%zu:", list_count(list));
	for (size_t i = 0; i < list_count(list); i++) {
		const char *item = list_items(list)[i];
		buf_printf(out, "%zu:%s", strlen(item), item);
	}
}

/* Every part is preceded by its length, so no two requests have the same text. */
void process_request_seal(struct process_request *r)
{
	struct buf text = {0};
	uint8_t sha[32];
	put_list(&text, &r->argv);
	put_list(&text, &r->envp);
	buf_printf(&text, "%d:%zu:%s", r->has_input, r->input.len, buf_text(&r->input));
	buf_printf(&text, "%s:%d", return_names[r->spec->ret], r->spec->await);
	digest_sha256(text.data, text.len, sha);
	memcpy(r->base.digest, sha, sizeof r->base.digest);
	buf_finish(&text);
}
