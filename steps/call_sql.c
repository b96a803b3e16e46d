/* `call: sql`: what it says in a definition, its parameters, and rows as JSON. */
#include "call_sql.h"

#include "definition/sql_text.h"
#include "sql/login.h"

#include <stdlib.h>
#include <string.h>

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	static const char *const outputs[] = {"rows", "row", "value", "count"};
	struct json with = json_get(task->node, "with"),
		    expect = json_get(with, "expect");
	struct sql_call *call = xcalloc(1, sizeof *call);
	struct error why = {0};
	task->spec = call;
	call->statement = json_strdup(json_get(with, "statement"));
	call->database = json_strdup(json_get(with, "database"));
	call->namespace = xstrdup(compiler_namespace(c));
	call->expect = -1;
	for (int i = 0; i < 4; i++) {
		if (json_string_is(json_get(with, "output"), outputs[i]))
			call->output = (enum sql_output)i;
	}
	if (!call->statement || !sql_text_check(call->statement, &why))
		return compiler_refuse(c, json_get(with, "statement"), err, "%s",
			call->statement ? why.text : "a statement is needed");
	if (expect.s && !json_int(expect, &call->expect))
		return compiler_refuse(c, expect, err, "a number of rows is expected");
	char *need = call->database ? xasprintf("database:%s", call->database)
				    : xstrdup("sql");
	compiler_need(c, need);
	free(need);
	return compiler_expression(c, json_get(with, "parameters"), EXPRESSION_VALUE,
		&call->parameters, err);
}

static void discard(void *spec)
{
	struct sql_call *call = spec;
	free(call->statement);
	free(call->database);
	free(call->namespace);
	free(call);
}

/* ---- Parameters ---- */

static bool add_parameter(struct sql_request *r, struct json v, struct fault *fault)
{
	struct buf text = {0};
	bool ok = true;
	switch (json_type(v)) {
	case JSON_NONE:
	case JSON_NULL: db_add_null(&r->params); break;
	case JSON_STRING:
		json_string(v, &text);
		ok = !memchr(buf_text(&text), '\0', text.len) ||
		     fault_set(fault, PROBLEM_VALIDATION,
			     "parameter $%d holds \\u0000, which a database text cannot",
			     r->params.count + 1);
		db_add_bytes(&r->params, buf_text(&text), text.len);
		break;
	case JSON_FALSE:
	case JSON_TRUE:
	case JSON_NUMBER:
	case JSON_ARRAY:
	case JSON_OBJECT: db_add_bytes(&r->params, v.s, v.n); break;
	}
	buf_finish(&text);
	return ok;
}

static bool add_parameters(struct sql_request *r, struct json list, struct fault *fault)
{
	struct json_iter it = json_iter(list);
	struct json v;
	if (json_type(list) != JSON_ARRAY)
		return fault_set(
			fault, PROBLEM_VALIDATION, "parameters must be an array");
	if (json_count(list) > DB_PARAMS_MAX)
		return fault_set(fault, PROBLEM_VALIDATION,
			"more than %d parameters: pass an array as one, and unnest it",
			DB_PARAMS_MAX);
	while (json_next_element(&it, &v)) {
		if (!add_parameter(r, v, fault))
			return false;
	}
	return true;
}

static void request_destroy(struct request *request)
{
	struct sql_request *r = (struct sql_request *)request;
	db_params_finish(&r->params);
	free(r);
}

static void digest(struct sql_request *r, struct json parameters)
{
	struct buf b = {0};
	uint8_t sum[32];
	buf_puts(&b, r->call->statement);
	buf_putc(&b, '\0');
	buf_puts(&b, r->call->database ? r->call->database : "");
	buf_putc(&b, '\0');
	json_put(&b, parameters);
	digest_sha256(b.data, b.len, sum);
	memcpy(r->request.digest, sum, sizeof r->request.digest);
	buf_finish(&b);
}

static bool render(const struct render *in, struct request **ret, struct fault *ret_fault)
{
	const struct sql_call *call = in->task->spec;
	if (!call->database && !in->host->settings->allow_sql &&
		!sql_login_find(in->host->settings, call->namespace))
		return fault_set(ret_fault, PROBLEM_CONFIGURATION,
			"call: sql on the journal's database is off in this worker: "
			"start it with --allow-sql, or --sql-login %s=CONNINFO",
			call->namespace);
	struct sql_request *r = xcalloc(1, sizeof *r);
	struct buf b = {0};
	struct error err = {0};
	bool ok = true;
	r->request.destroy = request_destroy;
	r->call = call;
	buf_puts(&b, call->parameters ? "" : "[]");
	if (call->parameters && !expression_eval(call->parameters, in->scope, &b, &err))
		ok = fault_set(ret_fault, PROBLEM_EXPRESSION, "%.800s", err.text);
	struct json parameters = {b.data, b.len};
	ok = ok && add_parameters(r, parameters, ret_fault);
	if (ok) {
		digest(r, parameters);
		*ret = &r->request;
	} else {
		request_destroy(&r->request);
	}
	buf_finish(&b);
	return ok;
}

/* ---- Rows ---- */

#define OID_BOOL 16u
#define OID_INT8 20u
#define OID_INT2 21u
#define OID_INT4 23u
#define OID_OID 26u
#define OID_JSON 114u
#define OID_FLOAT4 700u
#define OID_FLOAT8 701u
#define OID_NUMERIC 1700u
#define OID_JSONB 3802u

static bool is_json(const char *text, size_t n)
{
	struct json v;
	return json_check(text, n, NULL, &v, NULL, NULL);
}

/* Numbers as they stand; NaN and Infinity, which JSON lacks, as strings; json as it is;
 * all else as the database's text. */
static void put_field(struct buf *out, const struct db_result *r, int row, int column)
{
	const char *text = db_text(r, row, column);
	size_t n = db_length(r, row, column);
	if (db_is_null(r, row, column)) {
		buf_puts(out, "null");
		return;
	}
	switch (db_column_type(r, column)) {
	case OID_BOOL: buf_puts(out, *text == 't' ? "true" : "false"); return;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_OID:
	case OID_FLOAT4:
	case OID_FLOAT8:
	case OID_NUMERIC:
	case OID_JSON:
	case OID_JSONB:
		if (is_json(text, n)) {
			buf_add(out, text, n);
			return;
		}
	}
	json_put_string(out, text, n);
}

static void put_row(struct buf *out, const struct db_result *r, int row)
{
	buf_putc(out, '{');
	for (int column = 0; column < db_columns(r); column++) {
		json_put_key(out, db_column_name(r, column));
		put_field(out, r, row, column);
	}
	buf_putc(out, '}');
}

static bool names_are_unique(const struct db_result *r, struct effect *effect)
{
	for (int a = 0; a < db_columns(r); a++) {
		for (int b = 0; b < a; b++) {
			if (strcmp(db_column_name(r, a), db_column_name(r, b)) == 0)
				return fault_set(effect_fault(effect), PROBLEM_VALIDATION,
					"two columns are named \"%s\"; give one another "
					"name",
					db_column_name(r, a));
		}
	}
	return true;
}

bool sql_add_row(const struct sql_call *call, const struct db_result *r, int row,
	int64_t number, size_t limit, struct effect *effect)
{
	struct buf *out = &effect->output;
	switch (call->output) {
	case SQL_ROWS:
		buf_putc(out, number ? ',' : '[');
		put_row(out, r, row);
		break;
	case SQL_ROW:
		if (number == 0)
			put_row(out, r, row);
		break;
	case SQL_VALUE:
		if (number == 0 && db_columns(r))
			put_field(out, r, row, 0);
		break;
	case SQL_COUNT: break;
	}
	return out->len <= limit ||
	       fault_set(effect_fault(effect), PROBLEM_RUNTIME,
		       "the result is larger than the limit of %zu bytes; nothing was "
		       "written",
		       limit);
}

bool sql_end_output(const struct sql_call *call, const struct db_result *r, size_t limit,
	struct effect *effect)
{
	struct buf *out = &effect->output;
	bool objects = call->output == SQL_ROWS || call->output == SQL_ROW;
	if (call->expect >= 0 && db_affected(r) != call->expect) {
		struct fault *fault = effect_fault(effect);
		snprintf(fault->title, sizeof fault->title, "Unexpected number of rows");
		return fault_set(fault, PROBLEM_RUNTIME,
			"%lld rows were affected where %lld are expected; nothing was "
			"written",
			(long long)db_affected(r), (long long)call->expect);
	}
	if (objects && !names_are_unique(r, effect))
		return false;
	if (call->output == SQL_ROWS)
		buf_puts(out, out->len ? "]" : "[]");
	else if (call->output == SQL_COUNT)
		buf_printf(out, "%lld", (long long)db_affected(r));
	else if (out->len == 0)
		buf_puts(out, "null");
	struct json ignored;
	struct error err = {0};
	if (out->len > limit)
		return fault_set(effect_fault(effect), PROBLEM_RUNTIME,
			"the result is larger than the limit of %zu bytes; nothing was "
			"written",
			limit);
	if (!json_check(out->data, out->len, NULL, &ignored, NULL, &err))
		return fault_set(effect_fault(effect), PROBLEM_RUNTIME,
			"the result cannot be kept: %.700s", err.text);
	return true;
}

/* Without a database of its own it commits with its outcome. */
static bool is_transactional(const struct task *task)
{
	const struct sql_call *call = task->spec;
	return !call->database;
}

static const struct effect_kind effect = {.render = render,
	.start = sql_session_start,
	.stop = sql_session_stop,
	.is_transactional = is_transactional};

const struct task_kind task_call_sql = {
	.name = "call:sql", .compile = compile, .discard = discard, .effect = &effect};
