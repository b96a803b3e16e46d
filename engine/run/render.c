/* Rendering, once, or where there are secrets twice. */
#include "run/render.h"

#include "run/run_scope.h"
#include "run/secrets.h"

#include <string.h>

struct rendering {
	struct run *run;
	struct frame *frame;
	struct host *host;
	struct json secrets; /* absent: none */
	bool by_reference;
	struct buf seen; /* what was looked up for the values, but for secrets */
};

static bool render(struct rendering *g, struct request **ret, struct fault *fault)
{
	struct frame *f = g->frame;
	const struct task *t = f->task;
	char id[UUID_TEXT];
	struct run_scope s;
	struct value *input = NULL;
	run_step_id(g->run, f, id);
	run_scope_init(&s, g->run, f, value_json(f->input));
	s.scope.now = f->started_at; /* every attempt renders the same */
	s.scope.discreet = t->secret_input;
	if (f->has_digest && f->context) /* others may have exported since */
		s.context = value_json(f->context);
	s.secrets = g->secrets;
	s.seen = g->secrets.s && !g->by_reference ? &g->seen : NULL;
	bool ok = !t->secret_input || run_scope_eval(&s, t->input_from, &input, fault);
	if (input)
		s.input = s.scope.dot = value_json(input);
	struct render in = {.task = t,
		.scope = &s.scope,
		.step_id = id,
		.host = g->host,
		.by_reference = g->by_reference};
	ok = ok && t->kind->effect->render(&in, ret, fault);
	run_scope_finish(&s);
	value_unref(input);
	return ok;
}

/* ---- Secrets ---- */

/* The secrets of the task as two objects: their values, and their stand-ins. */
static bool read_secrets(const struct rendering *g, struct buf *values,
	struct buf *references, struct fault *fault)
{
	const struct words *names = &g->frame->task->secrets;
	struct error err = {0};
	buf_putc(values, '{');
	buf_putc(references, '{');
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->items[i];
		json_put_key(values, name);
		json_put_key(references, name);
		size_t from = values->len;
		if (!secrets_read(g->host->settings->secrets, name, values, &err))
			return fault_set(fault,
				err.kind == ERROR_INPUT ? PROBLEM_CONFIGURATION
							: PROBLEM_AUTHORIZATION,
				"%.800s", err.text);
		struct json value = {values->data + from, values->len - from};
		secret_put_reference(name, value, references);
	}
	buf_putc(values, '}');
	buf_putc(references, '}');
	return true;
}

/* Of what the request was rendered from. */
static void digest_sources(const struct rendering *g, uint8_t out[16])
{
	const struct frame *f = g->frame;
	struct buf b = {0};
	uint8_t sum[32];
	json_put(&b, f->task->node);
	buf_putc(&b, '\n');
	json_put(&b, value_json(f->raw));
	buf_putc(&b, '\n');
	buf_add(&b, buf_text(&g->seen), g->seen.len);
	digest_sha256(b.data, b.len, sum);
	memcpy(out, sum, 16);
	buf_finish(&b);
}

static void set_digest(struct rendering *g, struct request *request)
{
	struct request *reference = NULL;
	struct fault ignored = {0};
	g->by_reference = true;
	if (render(g, &reference, &ignored)) {
		memcpy(request->digest, reference->digest, sizeof request->digest);
		reference->destroy(reference);
	} else {
		digest_sources(g, request->digest);
	}
}

static bool render_with_secrets(
	struct rendering *g, struct request **ret, struct fault *fault)
{
	struct buf values = {0}, references = {0};
	bool ok = read_secrets(g, &values, &references, fault);
	g->secrets = (struct json){values.data, values.len};
	ok = ok && render(g, ret, fault);
	g->secrets = (struct json){references.data, references.len};
	if (ok)
		set_digest(g, *ret);
	buf_wipe(&values);
	buf_finish(&references);
	buf_finish(&g->seen);
	return ok;
}

bool run_render(struct run *r, struct frame *f, struct host *host, struct fault *fault)
{
	struct rendering g = {.run = r, .frame = f, .host = host};
	struct request *request = NULL;
	bool ok = f->task->secrets.n ? render_with_secrets(&g, &request, fault)
				     : render(&g, &request, fault);
	if (f->request)
		f->request->destroy(f->request);
	f->request = ok ? request : NULL;
	return ok;
}
