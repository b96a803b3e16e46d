/* How what is under way comes to an end otherwise than by itself. */
#ifndef STEPWELL_RUN_STOP_H
#define STEPWELL_RUN_STOP_H

#include "run/run.h"

/* When a run that needs a timer is due: its leaves' due times and nearest deadline. */
int64_t run_due(const struct run *r);
/* Nothing new is to begin: what is under way comes to its end, then it is suspended. */
bool run_is_stopping(const struct run *r);
/* Whether effects are under way, or have outcomes that are not recorded. */
bool run_is_busy(const struct run *r);

/* After a replay by a new owner: attempts without outcome are lost. */
void run_mark_lost(struct run *r, int64_t now);
/* Before a hand-over: attempts that were announced but not begun are taken back. */
void run_take_back(struct run *r, int64_t now);
/* Suspends a run that is stopping, and has nothing under way any more. */
enum progress run_obey_stop(struct run *r);
/* Suspends the run; reason is a static text. */
void run_suspend(struct run *r, int64_t now, const char *reason);
/* Ends a run that cannot go on: its input is no JSON, its definition does not compile. */
void run_refuse(struct run *r, int64_t now, const struct fault *f);

enum progress run_cancel(struct run *r);
/* The frame's time is over: what runs below it is stopped. */
enum progress run_time_out(struct run *r, struct frame *f);
/* Nobody waits for the frame any more: it and all below it are cancelled. */
void run_cancel_branch(struct run *r, struct frame *f);
/* All branches below top that do not lead to keep. */
void run_cancel_others(struct run *r, struct frame *top, const struct frame *keep);
/* All attempts end without an outcome, since the run ends. */
void run_give_up_attempts(struct run *r);

#endif
