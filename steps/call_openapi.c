/*
 * `call: openapi`: an operation of an API description that was pinned with the
 * definition. Its parameters are evaluated and become the arguments of `call: http`,
 * which renders, sends and answers as for a call of its own.
 */
#include "definition/catalog.h"
#include "http/exchange.h"
#include "http/openapi.h"
#include "http/request.h"
#include "http/uri_template.h"

#include <stdlib.h>
#include <string.h>

struct openapi_call {
	struct http_arguments http; /* first: what http's files see of it */
	struct expression *parameters;
	struct openapi_operation operation;
};

/* Whether members of the body stand among the parameters, instead of the whole. */
static bool has_member(
	const struct openapi_operation *o, struct json_index *x, struct json given)
{
	for (size_t i = 0; i < o->count; i++) {
		if (o->parameters[i].place == OPENAPI_MEMBER &&
			json_index_get(x, given, o->parameters[i].name).s)
			return true;
	}
	return false;
}

/* A required parameter that is not given; NULL: none. */
static const struct openapi_parameter *find_absent(
	const struct openapi_operation *o, struct json_index *x, struct json given)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct openapi_parameter *p = &o->parameters[i];
		struct json v = p->required ? json_index_get(x, given, p->name)
					    : (struct json){0};
		bool absent = p->required && !v.s;
		if (absent && !(p->place == OPENAPI_BODY && has_member(o, x, given)))
			return p;
	}
	return NULL;
}

/* ---- Compiling ---- */

static bool check_known(struct compiler *c, struct json given,
	const struct openapi_operation *o, struct error *err)
{
	struct json key, value;
	struct json_iter it = json_iter(given);
	while (json_next_member(&it, &key, &value)) {
		char *name = json_strdup(key);
		bool known = openapi_find(o, name);
		free(name);
		if (!known)
			return compiler_refuse(c, key, err,
				"the operation has no parameter %.*s", (int)key.n, key.s);
	}
	return true;
}

/* Names can be judged where the parameters are written out. */
static bool check_parameters(struct compiler *c, struct json with,
	const struct openapi_operation *o, struct error *err)
{
	struct json given = json_get(with, "parameters");
	struct json_index x = {0};
	if (given.s && json_type(given) != JSON_OBJECT)
		return true;
	if (!check_known(c, given, o, err))
		return false;
	const struct openapi_parameter *p = find_absent(o, &x, given);
	json_index_finish(&x);
	return !p || compiler_refuse(c, with, err,
			     "the operation's parameter \"%.200s\" is required", p->name);
}

static void discard_document(void *what)
{
	openapi_document_finish(what);
	free(what);
}

static struct openapi_document *document_of(struct compiler *c, struct json text)
{
	struct openapi_document *d = compiler_kept(c, text);
	if (d)
		return d;
	d = xmalloc(sizeof *d);
	openapi_document_init(d, text);
	compiler_keep(c, text, d, discard_document);
	return d;
}

static bool read_operation(struct compiler *c, struct json with, struct json uri,
	struct json document, struct openapi_call *call, struct error *err)
{
	struct json id = json_get(with, "operationId");
	struct error why = {0};
	char *text = json_strdup(uri), *url = NULL, *name = json_strdup(id);
	bool ok = catalog_raw_url(text, &url, &why) &&
		  openapi_read(
			  document_of(c, document), url, name, &call->operation, &why) &&
		  uri_template_check(call->operation.url, &why);
	free(text);
	free(url);
	free(name);
	if (!ok)
		return compiler_refuse(c, id, err, "%s", why.text);
	return check_parameters(c, with, &call->operation, err);
}

static bool compile_http(struct compiler *c, struct json with, bool secret_input,
	struct openapi_call *call, struct error *err)
{
	struct http_arguments *a = &call->http;
	struct json output = json_get(with, "output"),
		    given = json_get(with, "parameters");
	if (!compiler_expression(c, given.s ? given : JSON_LITERAL("{}"),
		    EXPRESSION_VALUE, &call->parameters, err) ||
		!http_policy_compile(
			c, json_get(with, "authentication"), &a->authentication, err))
		return false;
	a->output = json_string_is(output, "raw")        ? HTTP_RAW
		    : json_string_is(output, "response") ? HTTP_RESPONSE
							 : HTTP_CONTENT;
	a->redirect = json_type(json_get(with, "redirect")) == JSON_TRUE;
	a->secret_endpoint = a->secret_query = a->secret_headers = a->secret_body =
		secret_input || http_is_secret(call->parameters);
	a->authentication.secret_value |= secret_input;
	return true;
}

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json with = json_get(task->node, "with"), document;
	struct json endpoint = json_get(json_get(with, "document"), "endpoint"),
		    uri = endpoint;
	struct openapi_call *call = xcalloc(1, sizeof *call);
	task->spec = call;
	if (json_type(endpoint) == JSON_OBJECT)
		uri = json_get(endpoint, "uri");
	if (!compile_http(c, with, task->secret_input, call, err) ||
		!compiler_document(c, endpoint, &document, err))
		return false;
	return !document.s || read_operation(c, with, uri, document, call, err);
}

static void discard(void *spec)
{
	struct openapi_call *call = spec;
	http_arguments_finish(&call->http);
	openapi_finish(&call->operation);
	free(call);
}

/* ---- Rendering ---- */

/* The parts of a request while parameters are sorted into them: members of objects. */
struct parts {
	struct buf path, query, headers, cookies, form, members, body;
};

static void parts_finish(struct parts *p)
{
	struct buf *all[] = {&p->path, &p->query, &p->headers, &p->cookies, &p->form,
		&p->members, &p->body};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (all[i]->data)
			explicit_bzero(all[i]->data, all[i]->len);
		buf_finish(all[i]);
	}
}

static void put_scalar(struct buf *out, struct json v)
{
	if (json_type(v) == JSON_STRING)
		json_string(v, out);
	else
		buf_add(out, v.s, v.n);
}

/* False where an element holds the separator, and would become two. */
static bool join(char separator, struct json array, struct buf *out)
{
	struct json_iter it = json_iter(array);
	struct json element;
	for (bool more = false; json_next_element(&it, &element); more = true) {
		if (more)
			buf_putc(out, separator);
		size_t before = out->len;
		put_scalar(out, element);
		if (out->len > before &&
			memchr(out->data + before, separator, out->len - before))
			return false;
	}
	return true;
}

/* An array in one string, a value as JSON text; anything else as it is. */
static bool put_value(const struct openapi_parameter *p, struct json v, struct buf *out,
	struct fault *f)
{
	struct buf text = {0};
	bool ok = true;
	json_put_key(out, p->name);
	if (p->as_json)
		buf_add(&text, v.s, v.n);
	else if (json_type(v) == JSON_ARRAY && p->separator)
		ok = join(p->separator, v, &text);
	else {
		json_put(out, v);
		return true;
	}
	json_put_string(out, buf_text(&text), text.len);
	buf_wipe(&text);
	return ok || fault_set(f, PROBLEM_VALIDATION,
			     "parameters: an element of \"%.100s\" holds \"%c\", which "
			     "separates its elements",
			     p->name, p->separator);
}

/* An object in a query: name[key]=value, or key=value. */
static void put_members(
	const struct openapi_parameter *p, struct json object, struct buf *out)
{
	struct json_iter it = json_iter(object);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		char *member = json_strdup(key);
		char *name =
			p->deep ? xasprintf("%s[%s]", p->name, member) : xstrdup(member);
		json_put_key(out, name);
		json_put(out, value);
		free(name);
		free(member);
	}
}

/* What no cookie's value may hold (RFC 6265, 4.1.1) is percent-encoded: it would begin
 * another cookie. */
static void put_cookie_text(const struct buf *text, struct buf *out)
{
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];
		if (c <= ' ' || c >= 0x7f || strchr("\",;\\", c))
			buf_printf(out, "%%%02X", c);
		else
			buf_putc(out, (char)c);
	}
}

static void put_cookie(const struct openapi_parameter *p, struct json v, struct buf *out)
{
	struct buf text = {0};
	put_scalar(&text, v);
	buf_printf(out, "%s%s=", out->len ? "; " : "", p->name);
	put_cookie_text(&text, out);
	buf_wipe(&text);
}

/* OpenAPI 3, "Parameter Object": these are not parameters. */
static bool is_reserved(const char *header)
{
	return !strcasecmp(header, "Accept") || !strcasecmp(header, "Content-Type") ||
	       !strcasecmp(header, "Authorization");
}

static bool sort_in(struct parts *parts, const struct openapi_parameter *p, struct json v,
	struct fault *f)
{
	bool object = json_type(v) == JSON_OBJECT && !p->as_json;
	if ((object && (p->place == OPENAPI_PATH || p->place == OPENAPI_HEADER)) ||
		(p->place == OPENAPI_COOKIE && json_type(v) >= JSON_ARRAY))
		return fault_set(f, PROBLEM_VALIDATION,
			"parameters: \"%.100s\" cannot be an object", p->name);
	switch (p->place) {
	case OPENAPI_PATH: return put_value(p, v, &parts->path, f);
	case OPENAPI_QUERY:
		if (!object)
			return put_value(p, v, &parts->query, f);
		put_members(p, v, &parts->query);
		break;
	case OPENAPI_HEADER:
		return is_reserved(p->name) || put_value(p, v, &parts->headers, f);
	case OPENAPI_COOKIE: put_cookie(p, v, &parts->cookies); break;
	case OPENAPI_BODY: json_put(&parts->body, v); break;
	case OPENAPI_FORM: return put_value(p, v, &parts->form, f);
	case OPENAPI_MEMBER:
		json_put_key(&parts->members, p->name);
		json_put(&parts->members, v);
		break;
	}
	return true;
}

static bool refuse_unknown(
	const struct openapi_operation *o, struct json parameters, struct fault *f)
{
	struct json_iter it = json_iter(parameters);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		char *name = json_strdup(key);
		bool known = openapi_find(o, name);
		if (!known)
			fault_set(f, PROBLEM_VALIDATION,
				"parameters: the operation has no parameter \"%.100s\"",
				name);
		free(name);
		if (!known)
			return false;
	}
	return true;
}

static bool sort_known(const struct openapi_operation *o, struct json parameters,
	struct json_index *x, struct parts *parts, struct fault *f)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct openapi_parameter *p = &o->parameters[i];
		struct json v = json_index_get(x, parameters, p->name);
		bool null_too = p->place == OPENAPI_BODY || p->place == OPENAPI_MEMBER;
		bool given = v.s && (json_type(v) != JSON_NULL || null_too);
		if (given && !sort_in(parts, p, v, f))
			return false;
		if (!given && p->required &&
			!(p->place == OPENAPI_BODY && has_member(o, x, parameters)))
			return fault_set(f, PROBLEM_VALIDATION,
				"parameters: \"%.100s\" is required", p->name);
	}
	return true;
}

static bool sort_all(const struct openapi_operation *o, struct json parameters,
	struct parts *parts, struct fault *f)
{
	struct json_index x = {0};
	if (json_type(parameters) != JSON_OBJECT)
		return fault_set(f, PROBLEM_VALIDATION, "parameters: must be an object");
	bool ok = sort_known(o, parameters, &x, parts, f);
	json_index_finish(&x);
	if (ok && parts->body.len && parts->members.len > 1)
		return fault_set(f, PROBLEM_VALIDATION,
			"parameters: \"body\" is the whole body: its members cannot "
			"stand beside it");
	return ok && refuse_unknown(o, parameters, f);
}

/* The arguments of a call of http, as an object. */
static bool put_arguments(const struct openapi_operation *o, struct parts *parts,
	struct buf *out, struct fault *f)
{
	struct buf url = {0};
	struct json variables = {parts->path.data, parts->path.len};
	if (!uri_template_expand(o->url, variables, &url, f)) {
		buf_finish(&url);
		return false;
	}
	buf_puts(out, "{\"method\":");
	json_put_text(out, o->method);
	json_put_key(out, "endpoint");
	json_put_string(out, buf_text(&url), url.len);
	buf_finish(&url);
	json_put_key(out, "query");
	buf_add(out, parts->query.data, parts->query.len);
	const struct buf *body = parts->form.len > 2      ? &parts->form
				 : parts->members.len > 2 ? &parts->members
							  : &parts->body;
	if (body->len) {
		json_put_key(out, "body");
		buf_add(out, body->data, body->len);
		json_put_key(&parts->headers, "Content-Type");
		json_put_text(&parts->headers, o->media);
	}
	if (parts->cookies.len) {
		json_put_key(&parts->headers, "Cookie");
		json_put_string(&parts->headers, parts->cookies.data, parts->cookies.len);
	}
	json_put_key(out, "headers");
	buf_add(out, parts->headers.data, parts->headers.len);
	buf_puts(out, "}}");
	return true;
}

static bool render_sorted(const struct render *in, struct json parameters,
	struct request **ret, struct fault *f)
{
	const struct openapi_call *call = in->task->spec;
	struct parts parts = {0};
	struct buf arguments = {0};
	struct buf *objects[] = {
		&parts.path, &parts.query, &parts.headers, &parts.form, &parts.members};
	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
		buf_putc(objects[i], '{');
	bool ok = sort_all(&call->operation, parameters, &parts, f);
	buf_putc(&parts.path, '}');
	buf_putc(&parts.query, '}');
	buf_putc(&parts.form, '}');
	buf_putc(&parts.members, '}');
	ok = ok && put_arguments(&call->operation, &parts, &arguments, f);
	if (ok) {
		struct render http = *in;
		http.arguments = (struct json){arguments.data, arguments.len};
		ok = http_request_render(&http, ret, f);
	}
	if (arguments.data)
		explicit_bzero(arguments.data, arguments.len);
	buf_finish(&arguments);
	parts_finish(&parts);
	return ok;
}

static bool render(const struct render *in, struct request **ret, struct fault *f)
{
	const struct openapi_call *call = in->task->spec;
	struct buf text = {0};
	struct error err = {0};
	struct http_credentials credentials = {0};
	struct http_authorized authorized;
	if (!in->by_reference && !http_credentials_eval(&call->http.authentication,
					 in->scope, &credentials, f)) {
		http_credentials_finish(&credentials);
		return false;
	}
	http_authorized_init(&authorized, in->scope, &credentials);
	bool ok = expression_eval(call->parameters, &authorized.scope, &text, &err);
	http_authorized_finish(&authorized);
	http_credentials_finish(&credentials);
	if (!ok)
		fault_set(f, PROBLEM_EXPRESSION, "parameters: %.700s", err.text);
	else
		ok = render_sorted(in, (struct json){buf_text(&text), text.len}, ret, f);
	if (text.data)
		explicit_bzero(text.data, text.len);
	buf_finish(&text);
	return ok;
}

static const struct effect_kind effect = {
	.render = render,
	.start = http_exchange_start,
	.stop = http_exchange_stop,
};

const struct task_kind task_call_openapi = {
	.name = "call:openapi",
	.compile = compile,
	.discard = discard,
	.effect = &effect,
};
