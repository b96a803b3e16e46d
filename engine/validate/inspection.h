/*
 * One judgement of a document under way: what was found so far, where the walk stands,
 * and what is known of the document from the start. Only validate.c and its checks use
 * it.
 */
#ifndef STEPWELL_VALIDATE_INSPECTION_H
#define STEPWELL_VALIDATE_INSPECTION_H

#include "validate/dsl.h"
#include "validate/validate.h"
#include "json/names.h"

/* Where a value stands: a chain on the stack from the value up to the document (NULL). */
struct spot {
	const struct spot *up;
	struct json key; /* absent: an element of an array */
	size_t index;
};

/* The shapes of the objects around the walk, the innermost first; on the stack. */
struct around {
	const struct around *up;
	const struct shape *shape;
};

/*
 * What $steps may name: the lists of tasks around the walk, the innermost first; on the
 * stack. The outermost, and a function, which sees its own tasks only, have no list.
 */
struct step_scope {
	struct step_scope *up;
	struct json list;   /* absent: there is none around */
	size_t at;          /* the element that is walked */
	struct json task;   /* the task in it, once the walk is there */
	const char *member; /* ... and in this member of it */
	bool branches;      /* they begin at once */
	/* Of the list, read when first asked for: see steps_check.c. */
	bool ready;
	struct names names;
	size_t *until;
};
void step_scope_finish(struct step_scope *s);

struct found {
	struct finding finding;
	bool suspected;        /* see inspection_suspect */
	size_t offset, number; /* in the text; in the order of finding */
};

struct inspection {
	const char *text;
	struct json judged, use;
	struct names catalogs[CATALOGS]; /* the names in `use` */
	struct names arguments;          /* $names that an expression may see */
	struct names tasks;              /* of all lists; empty until asked for */
	bool loose; /* evaluate.mode: every string may be an expression */

	enum finding_class invalid; /* class of what does not fit its shape, here */
	const struct around *around;
	struct step_scope *steps;
	bool in_request;      /* inside what an attempt sends */
	bool in_run;          /* inside a process, where ${ } may be the shell's */
	bool secrets;         /* $secrets may stand here */
	bool in_secret_input; /* ... in `from` of this input */
	bool function;        /* it stands by itself, not in the document */
	bool alone;           /* ... and nobody knows yet what is around it */

	struct found *items;
	size_t count, cap, bytes;
	size_t errors, unsupported; /* counted beyond INSPECTION_MAX too */
	size_t suspected;           /* expressions that do not compile */
	unsigned compilations;      /* by libjq */
	bool cut;                   /* some were only counted */
};

enum { INSPECTION_MAX = 1000 }; /* findings that are kept */

/* judged: a value in the text; document: whose `use` it may name. */
void inspection_init(struct inspection *in, const char *text, struct json judged,
	struct json document);
void inspection_finish(struct inspection *in);

/* Adds a finding about the value at `place`; `at` is the text it points to. */
void inspection_report(struct inspection *in, enum finding_class class,
	const struct spot *place, struct json at, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * Adds a finding about an expression that does not compile. Of a document that could be
 * run the compiler knows better which strings are expressions, and reports them itself:
 * it is handed over only if there are other findings for which nobody will compile it.
 */
void inspection_suspect(struct inspection *in, const struct spot *place, struct json at,
	const char *text);

/* Takes back what was found since the mark: a trial. */
struct inspection_mark {
	size_t count, bytes, errors, unsupported, suspected;
	bool cut;
};
struct inspection_mark inspection_mark(const struct inspection *in);
void inspection_rewind(struct inspection *in, struct inspection_mark mark);

/* Hands the findings over, in the order of the text, with lines and columns. */
void inspection_hand_over(struct inspection *in, struct findings *ret);

/* The checks beside the tables. */
void flow_check(struct inspection *in, struct json list, const struct spot *place);
void branches_check(struct inspection *in, struct json list, const struct spot *place);
void data_check(struct inspection *in, struct json v, const struct spot *place);
/* A script whose arguments have names. */
void script_check(struct inspection *in, struct json script, const struct spot *place);
/* The judgement of $secrets: in one string, and in a task as a whole. */
void secret_check(
	struct inspection *in, struct json v, const struct spot *place, bool implicit);
void secret_check_task(struct inspection *in, struct json task, const struct spot *place);
/* A mention of $steps.STEP, at a place in the text. */
void steps_check(struct inspection *in, const struct spot *place, struct json at,
	const char *step);
/* Habits of other languages, and slips: in plain text, in a condition, in a URL (file: it
 * may be one of a file), in a try. */
void habit_check_text(
	struct inspection *in, const char *s, struct json v, const struct spot *place);
void habit_check_condition(
	struct inspection *in, struct json v, const struct spot *place);
void habit_check_url(
	struct inspection *in, struct json v, const struct spot *place, bool file);
/* In the type of an error, and in the attributes of an event (awaited: it is chosen by
 * them). */
void habit_check_error(struct inspection *in, struct json v, const struct spot *place);
void habit_check_event(
	struct inspection *in, struct json v, const struct spot *place, bool awaited);
void habit_check_try(struct inspection *in, struct json task, const struct spot *place);
/* What can never do what it says: in a task, in the metadata of the document, in the
 * method of a request, a timeout, for.in, what is listened to, what is run. */
void futile_check_task(struct inspection *in, struct json task, const struct spot *place);
void futile_check_document(
	struct inspection *in, struct json metadata, const struct spot *place);
void futile_check_method(struct inspection *in, struct json v, const struct spot *place);
void futile_check_timeout(
	struct inspection *in, struct json timeout, const struct spot *place);
void futile_check_items(struct inspection *in, struct json v, const struct spot *place);
void futile_check_strategy(
	struct inspection *in, struct json strategy, const struct spot *place);
void futile_check_run(struct inspection *in, struct json run, const struct spot *place);
/* Looks at the expressions in a value; implicit: a string is one without ${ } too. */
void mention_check(
	struct inspection *in, struct json v, const struct spot *place, bool implicit);

/* A string or key as it stands in the text, cut to fit a message. */
#define QUOTE_SIZE 72
const char *quote_json(struct json v, char *ret, size_t size);

/* Writes "; did you mean ...?", or nothing where no name comes near. */
#define GUESS_SIZE 512
void guess_name(struct inspection *in, const struct names *names, struct json string,
	char ret[GUESS_SIZE]);

#endif
