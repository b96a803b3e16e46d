/* Templates: one thing at a time, and what it was about when they end. */
#include "expression/evaluator_inside.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jq/child.h"

void template_gone(struct evaluator *e)
{
	e->state = TEMPLATE_NONE;
	e->template_dying = e->template_late = e->served = e->yields = false;
	e->ended++;
	evaluator_pool.templates--;
	if (e->log >= 0)
		close(e->log);
	e->log = -1;
	for (unsigned g = 0; g * JQVM_GROUP < e->count; g++)
		e->groups[g].compiled = false;
}

/* All that came of it ends with it: of a copy that it made at its end nobody would know.
 */
void template_end(struct evaluator *e)
{
	if (e->state == TEMPLATE_NONE || e->template_dying)
		return;
	e->template_dying = true;
	for (struct copy *c = e->copies; c; c = c->next)
		if (c != e->forking)
			copy_end(c, c->question ? ENDED_TAKEN : ENDED_UNWANTED);
	evaluator_process_kill(&e->template);
	channel_finish(&e->template.channel);
	evaluator_tick(true);
}

/* What the system refuses fails those who ask; before the probe, that has to say so. */
static void fail_all(struct evaluator *e, const char *text)
{
	if (probe_allows(e))
		evaluator_fail_all(e, text);
}

static void fault_group(struct evaluator *e, unsigned group, const char *text)
{
	for (unsigned i = group * JQVM_GROUP;
		i < e->count && i < (group + 1) * JQVM_GROUP; i++) {
		free(e->units[i].fault);
		e->units[i].fault = xstrdup(text);
		e->units[i].known = true;
	}
}

/* Nothing came of the copy that was to be made. */
static void template_unfork(struct evaluator *e)
{
	struct copy *c = e->forking;
	e->forking = NULL;
	if (c)
		copy_free(c);
}

/* Later, if the system may let it do so then. */
static void template_refused(struct evaluator *e, const struct error *why)
{
	if (why->kind == ERROR_TRANSIENT)
		slots_pause(why);
	if (why->kind != ERROR_TRANSIENT || slots_give_up())
		fail_all(e, why->text);
}

/* ---- Groups of processes that end ---- */

static void group_add(pid_t group)
{
	evaluator_pool.groups = xrealloc(evaluator_pool.groups,
		(evaluator_pool.group_count + 1) * sizeof *evaluator_pool.groups);
	evaluator_pool.groups[evaluator_pool.group_count++] = group;
}

static bool is_known(const struct evaluator *e, pid_t pid)
{
	const struct copy *c = e->copies;
	while (c && c->process.pid != pid)
		c = c->next;
	return c;
}

static bool is_a_copy(pid_t pid)
{
	for (const struct evaluator *e = evaluator_pool.all; e; e = e->next) {
		if (is_known(e, pid))
			return true;
	}
	return false;
}

/* Reaps what nobody knows of a group; false: there is nothing of it any more. */
static bool group_lives(pid_t group)
{
	struct evaluator_process p = {0};
	int status;
	while ((p.pid = evaluator_process_left(group)) > 0 && !is_a_copy(p.pid)) {
		if (!evaluator_process_reap(&p, &status))
			break;
	}
	return p.pid >= 0;
}

void templates_await_group(pid_t group)
{
	while (group && group_lives(group))
		sched_yield();
}

bool templates_reap_groups(void)
{
	unsigned left = 0;
	for (unsigned i = 0; i < evaluator_pool.group_count; i++) {
		if (group_lives(evaluator_pool.groups[i]))
			evaluator_pool.groups[left++] = evaluator_pool.groups[i];
	}
	evaluator_pool.group_count = left;
	return left;
}

/* What it was about comes to its end. */
void template_reaped(struct evaluator *e, int status)
{
	bool compiled = e->state == TEMPLATE_COMPILES, refused, unborn = !e->served;
	bool was_wanted_away = e->state == TEMPLATE_IDLE;
	refused = status != -1 && WIFEXITED(status) &&
		  WEXITSTATUS(status) == JQCHILD_REFUSED;
	evaluator_drain_log(e, "a template of evaluators ended");
	template_unfork(e);
	if (e->template.group)
		group_add(e->template.group);
	if (compiled && !e->tries_of && e->count && ++e->groups[e->group].deaths > 1)
		fault_group(e, e->group, "libjq did not survive its compilation");
	template_gone(e);
	e->failures = unborn && !was_wanted_away ? e->failures + 1 : 0;
	if (refused || e->failures >= 3) {
		e->failures = 0;
		fail_all(e, refused ? "this system refuses the filter of system calls "
				      "that evaluators need"
				    : "its evaluator ends as soon as it is started");
	}
	slots_serve();
	evaluator_work(e);
}

void template_start(struct evaluator *e)
{
	struct error err;
	int fd;
	pid_t pid;
	if (!evaluator_process_start(&pid, &fd, &e->log, &err)) {
		e->log = -1;
		template_refused(e, &err);
		return;
	}
	slots_go_on();
	evaluator_pool.templates++;
	e->state = TEMPLATE_IDLE;
	e->template_at = clock_boottime();
	e->template = (struct evaluator_process){0};
	channel_init(&e->template.channel, fd, evaluator_pool.loop, template_ready, e);
	e->template.channel.largest = COMPILED_MAX;
	evaluator_process_know(&e->template, pid);
	e->template.group = pid;
	channel_watch(&e->template.channel, true);
}

static void put_source(struct buf *out, const struct unit *u)
{
	const struct words *variables = &u->scan->variables;
	jqwire_put_u32(out, (uint32_t)variables->n);
	for (size_t i = 0; i < variables->n; i++)
		jqwire_put_text(out, variables->items[i], strlen(variables->items[i]));
	jqwire_put_text(out, u->source, strlen(u->source));
}

static void template_begin(struct evaluator *e, enum template_state state)
{
	e->state = state;
	e->begun_at = clock_boottime();
	e->begun_time = evaluator_process_time(&e->template);
	evaluator_tick(false);
}

/* of: whose units; `try`: one of them, and nothing is kept. */
void template_compile(struct evaluator *e, const struct evaluator *of, unsigned first,
	unsigned n, bool try)
{
	struct buf *out = &e->template.channel.out;
	struct jqwire_header h = {
		.type = JQWIRE_COMPILE, .seq = ++evaluator_pool.seq, .count = n};
	size_t begin = jqwire_begin(out, &h);
	jqwire_put_u32(out, try ? 0 : first);
	jqwire_put_u32(out, try ? JQWIRE_TRY : 0);
	for (unsigned i = first; i < first + n; i++)
		put_source(out, &of->units[i]);
	jqwire_end(out, begin);
	e->group = first / JQVM_GROUP;
	template_begin(e, TEMPLATE_COMPILES);
	/* The sanitizers and the exec before need more addresses than it has now. */
	if (e->served)
		evaluator_process_bound(&e->template, COMPILE_MEMORY);
	if (!channel_move(&e->template.channel, 0))
		template_end(e);
	else
		channel_watch(&e->template.channel, true);
}

void template_compile_group(struct evaluator *e, unsigned group)
{
	unsigned first = group * JQVM_GROUP;
	unsigned n = e->count - first < JQVM_GROUP ? e->count - first : JQVM_GROUP;
	template_compile(e, e, first, n, false);
}

void template_fork(struct evaluator *e)
{
	int pair[2];
	struct error err;
	struct buf head = {0};
	struct jqwire_header h = {.type = JQWIRE_FORK, .seq = ++evaluator_pool.seq};
	if (!evaluator_process_pair(pair, &err)) {
		template_refused(e, &err);
		return;
	}
	jqwire_end(&head, jqwire_begin(&head, &h));
	bool passed = evaluator_process_pass(
		e->template.channel.fd, head.data, head.len, pair[1]);
	buf_finish(&head);
	close(pair[1]);
	if (!passed) {
		close(pair[0]);
		template_end(e);
		return;
	}
	struct copy *c = xcalloc(1, sizeof *c);
	c->of = e;
	c->generation = e->generation;
	c->slow = c->was_slow = evaluator_is_slow(e);
	c->made_at = clock_boottime();
	c->next = e->copies;
	e->copies = e->forking = c;
	evaluator_pool.copies++;
	channel_init(&c->process.channel, pair[0], evaluator_pool.loop, copy_ready, c);
	c->process.channel.largest = e->result_bytes + ANSWER_HEAD;
	template_begin(e, TEMPLATE_FORKS);
}

static bool take_compiled(
	struct evaluator *e, const struct jqwire_header *h, struct jqwire_reader *r)
{
	struct evaluator *of = e->tries_of ? e->tries_of : e;
	unsigned first = e->tries_of ? e->tries : e->group * JQVM_GROUP;
	if (h->count == 0 || h->count > of->count - first)
		return false;
	for (unsigned i = 0; i < h->count; i++) {
		size_t n;
		const char *fault = jqwire_text(r, &n);
		struct unit *u = &of->units[first + i];
		free(u->fault);
		u->fault = n && *fault ? xstrndup(fault, n) : NULL;
		u->known = true;
	}
	if (e->tries_of) {
		e->tries_of = NULL;
	} else {
		e->groups[e->group].compiled = true;
		e->generation++;
	}
	return !r->bad;
}

/* 0: the system let it have none. What is killed by that number must be its copy. */
static bool take_forked(struct evaluator *e, struct jqwire_reader *r)
{
	struct copy *c = e->forking;
	struct error err;
	pid_t pid = (pid_t)jqwire_u32(r);
	if (r->bad || (pid && (!evaluator_process_is_of(pid, e->template.group) ||
				      is_known(e, pid))))
		return false;
	if (pid == 0) {
		template_unfork(e);
		error_set(&err, ERROR_TRANSIENT, "a copy of an evaluator cannot be made");
		slots_pause(&err);
		return true;
	}
	slots_go_on();
	e->forking = NULL;
	evaluator_process_know(&c->process, pid);
	if (c->slow)
		evaluator_process_lower(&c->process);
	c->used_at = clock_boottime();
	channel_watch(&c->process.channel, true);
	return true;
}

static bool take_from_template(
	struct evaluator *e, const struct jqwire_header *h, struct jqwire_reader *r)
{
	evaluator_note_refused(e, jqwire_u32(r));
	bool ok = e->state == TEMPLATE_COMPILES && h->type == JQWIRE_COMPILED
			  ? take_compiled(e, h, r)
			  : e->state == TEMPLATE_FORKS && h->type == JQWIRE_FORKED &&
				    take_forked(e, r);
	if (ok)
		e->state = TEMPLATE_IDLE;
	e->served = true;
	return ok;
}

void template_ready(void *ctx)
{
	struct evaluator *e = ctx;
	struct jqwire_header h;
	struct jqwire_reader r;
	bool bad = false;
	if (e->template_dying || e->state == TEMPLATE_NONE)
		return;
	bool there = channel_move(&e->template.channel, READ_TURN);
	while (!bad && channel_take(&e->template.channel, &h, &r, &bad))
		bad = !take_from_template(e, &h, &r);
	if (bad || !there)
		template_end(e);
	else
		channel_watch(&e->template.channel, true);
	evaluator_work(e);
	slots_serve();
}
