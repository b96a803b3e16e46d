/* The functions of jq 1.6 that expressions may call and later versions still have. */
#ifndef STEPWELL_JQ_BUILTIN_H
#define STEPWELL_JQ_BUILTIN_H

#include <stddef.h>

/* The numbers of arguments that it takes, as bits; 0: there is no such function. */
unsigned jqbuiltin_arities(const char *name, size_t n);
/* The function whose name looks most like it; NULL if none does. */
const char *jqbuiltin_nearest(const char *name, size_t n);

#endif
