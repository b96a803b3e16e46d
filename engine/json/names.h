/*
 * Sets of names, as a definition brings them (the tasks of a list, the entries of `use`),
 * and what a misspelt name was probably meant to be.
 */
#ifndef STEPWELL_JSON_NAMES_H
#define STEPWELL_JSON_NAMES_H

#include "json/json.h"

struct name {
	char *s;      /* the decoded text, owned */
	size_t n;     /* its bytes; it may contain NUL */
	size_t index; /* as given when it was added */
};

struct names {
	struct name *items; /* by text and index, once names_sort was called */
	size_t count, cap;
};

void names_finish(struct names *names);
void names_add(struct names *names, struct json string, size_t index);
void names_add_members(struct names *names, struct json object); /* and sorts */
void names_sort(struct names *names);

/* The first name with the text of this string; NULL if there is none. */
const struct name *names_find(const struct names *names, struct json string);

/* The name or word that looks most like the text: at most two letters added, left out,
 * changed or swapped, case apart. NULL if none does. words end with NULL. */
const char *names_nearest(const struct names *names, struct json string);
const char *word_nearest(const char *const *words, struct json string);

/* Whether the string is one of the words. */
bool word_is_one(const char *const *words, struct json string);
/* Appends "a", "b" or "c". */
void word_put_all(const char *const *words, struct buf *out);

/* Whether it can be a secret's name, [A-Za-z0-9][A-Za-z0-9._-]{0,127}: never a path. */
bool secret_name_is(const char *s, size_t n);

/* How many such steps lead from a to b; anything above 2 is 3. */
unsigned word_distance(const char *a, const char *b);

#endif
