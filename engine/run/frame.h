/*
 * A frame: one task that has been entered and not left. A run's frames form a tree from
 * the workflow itself (path "") to the tasks that are being executed, its leaves. Only a
 * frame whose list is concurrent (fork) has more than one child.
 */
#ifndef STEPWELL_RUN_FRAME_H
#define STEPWELL_RUN_FRAME_H

#include "definition/task.h"
#include "run/agenda.h"
#include "run/listening.h"

/* Where a frame stands; set by run_apply, by a list that is begun or read
 * from a snapshot, by advance.c, and by its effect (run_effect.c). */
enum frame_state {
	FRAME_ENTER,  /* its kind's enter is to be called */
	FRAME_NEXT,   /* its list goes on: the next task, or the kind's next at the end */
	FRAME_READY,  /* an effect's intent is written: wait for the flush, and for a slot
		       */
	FRAME_QUEUED, /* an effect that needs a slot before its intent is written */
	FRAME_ACTIVE, /* its effect is under way */
	FRAME_WAITING,   /* until due */
	FRAME_HELD,      /* until an operator says so */
	FRAME_ANSWERED,  /* an operator said what its effect gave */
	FRAME_LISTENING, /* until an event arrives */
};

struct kept_step {
	char *name;
	struct value *output;
};

struct run_effect;

struct frame {
	struct frame *parent, *child, *sibling; /* child: the first one */
	struct frame *before, *last; /* the sibling before it; its own last child */
	struct frame *
		*branches; /* of a concurrent list: its children by branch, or NULL */
	const struct task *task;
	char *path;
	enum frame_state state;
	struct value *raw;   /* input before input.from */
	struct value *input; /* $input */
	bool entry_failed;   /* its if, input.schema or input.from failed: not entered yet
			      */
	int64_t started_at;
	int64_t deadline;                  /* of its timeout, 0: none */
	int64_t attempt_deadline;          /* of a retry policy's attempt, 0: none */
	int64_t time_limit, attempt_limit; /* their lengths, to begin anew with a retry */

	/* A task with a list: where it is. */
	const struct task_list *list; /* NULL until the body is begun */
	bool in_handler;
	bool opened;             /* its list was begun */
	bool exited;             /* its list was left by `exit` */
	int64_t position;        /* in the list; NEXT_EXIT: at its end */
	uint32_t *visits[2];     /* how often each task was entered: body, handler */
	struct value *cursor;    /* raw input of the next task; at the end, the output */
	struct kept_step *steps; /* for $steps */
	size_t step_count;
	struct value *error;    /* in the handler: $error */
	int64_t leave;          /* of a task with extensions: where its own end leads */
	struct value **outputs; /* of a concurrent list: per branch, NULL: none yet */

	/* A loop. */
	struct value *items;
	struct listening *listening; /* of a listen; NULL: it does not yet */
	int64_t iteration;           /* -1 before the first */
	struct json item;            /* a slice of items */
	struct json_iter rest;       /* behind item */

	/* A step. */
	unsigned attempt; /* the last one begun; 0: none */
	bool open;        /* it has no outcome yet */
	unsigned generation;
	uint8_t digest[16];
	bool has_digest;
	int64_t first_attempt_at;
	int64_t attempt_at;    /* when the last one was announced */
	bool was_uncertain;    /* some attempt's outcome is not known */
	bool lost;             /* the last attempt's outcome is not known */
	bool redo, force;      /* an operator lets it go on; even past its key window */
	struct value *context; /* $context of its request: as the first attempt saw it */
	struct value *answer;  /* FRAME_ANSWERED: what its effect gave */
	int64_t repeats;       /* it was undone and put off so often in a row */
	int64_t ended_before, ended_at; /* its session: the last two times */

	/* Volatile: only the owner's. */
	struct request *request;   /* rendered for the next attempt */
	int64_t intent_seq;        /* the entry that holds the attempt's intent */
	bool granted;              /* it has a slot for its next effect */
	struct run_effect *effect; /* under way, or done and not yet recorded */
	char *put_off;             /* why it was undone and waits; or NULL */

	/* Retries, of a try or of a step by its own policy. */
	int64_t retries;     /* by its policy */
	int64_t conflicts;   /* retries of a 409 */
	int64_t retry_since; /* an operator began its budget anew; 0: with its start */
	int64_t due;         /* FRAME_WAITING */
	bool retrying;       /* it waits for a retry, not by itself */
	bool asked;          /* since it was loaded or woken; volatile */

	struct agenda *agenda; /* its run's; NULL: it is not in a tree */
	struct agenda_note note;
};

/* The frame becomes the last of parent's children; a: the run's agenda. The caller
 * touches the frame. */
struct frame *frame_push(
	struct agenda *a, struct frame *parent, const struct task *task, char *path);
/* Gives its next effect a slot, or takes that back. */
void frame_grant(struct frame *f, bool granted);
/* Destroys the frame and all below it; their effects must be gone or detached. */
void frame_destroy(struct frame *f);
void frame_destroy_children(struct frame *f);
/* The frames of top's subtree, parents first: for (f = top; f; f = frame_after(f, top)).
 */
struct frame *frame_after(const struct frame *f, const struct frame *top);
/* The same for leaves: for (f = frame_leaf(top); f; f = frame_leaf_after(f, top)). */
struct frame *frame_leaf(struct frame *top);
struct frame *frame_leaf_after(const struct frame *f, const struct frame *top);
bool frame_is_below(const struct frame *f, const struct frame *top); /* or is it */
/* The child of f that path leads to or through, NULL: none. */
struct frame *frame_child_towards(const struct frame *f, const char *path);
/* In a concurrent list: the place of child f in its parent's list. */
size_t frame_branch(const struct frame *f);
bool frame_is_concurrent(const struct frame *f); /* its list is */
/* Nobody knows whether its last attempt took effect, and a person is to find out. */
bool frame_is_for_person(const struct frame *f);
/* It waits within its attempt, whose time runs on. */
bool frame_goes_on(const struct frame *f);
/* The path of the task at the parent's position, to be entered for its next visit. */
char *frame_child_path(const struct frame *parent, size_t index, unsigned visit);
uint32_t *frame_visits(struct frame *f); /* of the list it is in */
/* Puts a loop at its iteration i: item and rest. False: there is none. */
bool frame_set_iteration(struct frame *f, int64_t i);
/* Begins a list: the frame goes on with it. */
void frame_open_list(struct frame *f, const struct task_list *list);
void frame_keep_step(struct frame *f, const char *name, struct value *output);
void frame_forget_steps(struct frame *f);

#endif
