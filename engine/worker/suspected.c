/*
 * What is different in a process for suspects (suspect.h): it claims what was put in its
 * name and nothing else, each run leaves it as soon as it is no suspect any more or
 * waits, and it ends with its last run, or when the worker that started it drains or is
 * gone. One that has no runs routes events that others died of, one at a time, until none
 * is left. It has two connections: one for its journal, one for all the rest.
 */
#include "worker/inside.h"

#include "worker/suspect.h"

#include <unistd.h>

static void on_turn(uv_timer_t *timer)
{
	(void)timer; /* that the loop turned is all */
}

static void on_lifeline(uv_poll_t *poll, int status, int events)
{
	struct worker *w = poll->data;
	(void)status;
	(void)events;
	uv_poll_stop(poll);
	worker_leave(w, WORKER_DRAINED);
}

void suspected_init(struct worker *w)
{
	if (!w->options.suspect)
		return;
	uint64_t often = (uint64_t)(w->options.heartbeat / USEC_PER_MS);
	w->id = w->options.suspect->id;
	uv_timer_init(&w->loop, &w->turn_timer);
	uv_timer_start(&w->turn_timer, on_turn, often, often);
	uv_poll_init(&w->loop, &w->lifeline, w->options.suspect->lifeline);
	w->lifeline.data = w;
	uv_poll_start(&w->lifeline, UV_READABLE | UV_DISCONNECT, on_lifeline);
}

void suspected_finish(struct worker *w)
{
	if (!w->options.suspect)
		return;
	uv_close((uv_handle_t *)&w->turn_timer, NULL);
	uv_close((uv_handle_t *)&w->lifeline, NULL);
}

void suspected_turn(struct worker *w)
{
	if (w->options.suspect)
		atomic_fetch_add(&w->options.suspect->box->turns, 1);
}

void suspected_note(struct worker *w, const char *step)
{
	if (w->options.suspect)
		suspect_note(w->options.suspect->box, step);
}

void suspected_compiles(struct worker *w, const struct uuid *definition)
{
	if (!w->options.suspect)
		return;
	char *compiles = w->options.suspect->box->compiles;
	if (definition)
		uuid_format(*definition, compiles);
	else
		*compiles = '\0';
}

void suspected_check(struct worker *w)
{
	bool asked = w->has_listed && !w->listing && !w->reclaiming;
	if (w->options.suspect && asked && !w->owned_count && !w->loads &&
		!suspected_routes(w))
		worker_leave(w, WORKER_IDLE);
}

bool suspected_routes(const struct worker *w)
{
	return w->options.suspect && w->options.suspect->box->routes;
}

void suspected_routed(struct worker *w)
{
	if (w->options.suspect)
		w->options.suspect->box->routes = false;
}

bool suspected_leaves(const struct owned_run *o)
{
	return o->worker->options.suspect && o->run->seq >= o->leave_at;
}
