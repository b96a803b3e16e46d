/*
 * What libjq has said of sources: that they compile, or why not. A document is judged
 * twice before it is registered, and most of its expressions stand in many others; libjq
 * takes 20 ms for each. The last ones are remembered, the small ones only.
 */
#ifndef STEPWELL_EXPRESSION_VERDICTS_H
#define STEPWELL_EXPRESSION_VERDICTS_H

#include <stdbool.h>

#define VERDICTS 256u
#define VERDICTS_BYTES 4096u /* of the longest source, and of the longest fault */

struct verdict {
	char *source, *fault; /* NULL: none; it compiles */
};

/* Zeroed, it is empty. */
struct verdicts {
	struct verdict list[VERDICTS]; /* each where its hash says, in place of others */
};
void verdicts_finish(struct verdicts *v); /* empty again */

void verdicts_keep(struct verdicts *v, const char *source, const char *fault);
/* NULL: it is not known. */
const struct verdict *verdicts_find(const struct verdicts *v, const char *source);

#endif
