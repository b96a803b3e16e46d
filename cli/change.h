/* cancel, suspend and resume: the same command with three meanings. */
#ifndef STEPWELL_CHANGE_H
#define STEPWELL_CHANGE_H

#include "admin/runs.h"
#include "output.h"

#define CHANGE_OPTIONS                                     \
	OPTION_ROW_DB, OPTION_ROW_OUTPUT, OPTION_ROW_HELP, \
	{                                                  \
		0                                          \
	}

/* Asks for the change of every RUN among the arguments. Returns the first failure's exit
 * code. */
int change_runs(const struct options *o, enum admin_change change);

/* Says what was done: `word` is "cancel requested", "resumed" ... */
void change_print(struct uuid run, const char *word, struct output_list *l);

/* Of a run that stays as it was: an object with `error`, where no text is printed; the
 * error is prefixed with its id, or with the name that is none's (run NULL). */
void change_refused(const char *name, const struct uuid *run, struct error *err,
	struct output_list *l);

/* "anna@laptop": who runs this program; caller frees. */
char *change_author(void);

#endif
