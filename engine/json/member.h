/*
 * A struct's members as a table: which of them are written as members of a JSON object,
 * under which name, and which are not. Operations (journal/op.c) and frames
 * (run/snapshot.c) are written and read by the same table, so that what is written is
 * read; every member of such a struct stands in its table (tests/unit/test_run_snapshot.c
 * counts the bytes).
 */
#ifndef STEPWELL_JSON_MEMBER_H
#define STEPWELL_JSON_MEMBER_H

#include "json/json.h"

enum member_kind {
	MEMBER_FLAG,   /* bool: true, or absent */
	MEMBER_BIT,    /* bool: 1, or absent */
	MEMBER_COUNT,  /* unsigned; 0 is absent */
	MEMBER_NUMBER, /* int64_t */
	MEMBER_TEXT,   /* char *; NULL is absent; created when it is read */
	MEMBER_DIGEST, /* uint8_t[16] as hex; the bool at `flag` says whether there is one
			*/
	MEMBER_VALUE,  /* struct value *: the owner of the table writes it */
	MEMBER_OWN,    /* written in a way of its own */
	MEMBER_NONE,   /* not written: it is found anew, or only the run's owner has it */
};

struct member {
	const char *name; /* NULL ends the table */
	enum member_kind kind;
	size_t offset, size;
	int64_t absent; /* MEMBER_NUMBER: what is not written */
	size_t flag;    /* MEMBER_DIGEST: the offset of its bool */
	/* What tells whether it is written: the eight bytes at `word`, masked, are not
	 * `absent`. One comparison, for most members of an operation are absent. */
	size_t word;
	uint64_t mask;
	/* Where so many bytes from its offset on are 0 (0: nothing is said), it is
	 * absent, and so are the ones behind it: so many in all. */
	size_t span, spanned;
};

/* The last eight bytes of the struct, if the field is within them. */
#define MEMBER_WORD(type, field)                                           \
	(offsetof(type, field) + 8 <= sizeof(type) ? offsetof(type, field) \
						   : sizeof(type) - 8)
#define MEMBER_SIZE(type, field) sizeof(((type *)0)->field)
#define MEMBER_MASK(type, field)                                                       \
	(UINT64_MAX >>                                                                 \
		(MEMBER_SIZE(type, field) < 8 ? 64 - 8 * MEMBER_SIZE(type, field) : 0) \
			<< 8 * (offsetof(type, field) - MEMBER_WORD(type, field)))

/* MEMBER("dueAt", MEMBER_NUMBER, struct x, due): the member `due` of a struct x. */
#define MEMBER(name, kind, type, field) MEMBER_UNLESS(name, kind, type, field, 0)
/* The same, a number that is absent as -1, say. */
#define MEMBER_UNLESS(name, kind, type, field, absent)                                  \
	{                                                                               \
		name, kind, offsetof(type, field), MEMBER_SIZE(type, field), absent, 0, \
			MEMBER_WORD(type, field),                                       \
			kind < MEMBER_DIGEST || kind == MEMBER_VALUE                    \
				? MEMBER_MASK(type, field)                              \
				: 0,                                                    \
			0, 0                                                            \
	}
/* The first of several that are rare, and stand up to the field `last` in the struct. */
#define MEMBER_RARE(name, kind, type, field, last, count)                          \
	{                                                                          \
		name, kind, offsetof(type, field), MEMBER_SIZE(type, field), 0, 0, \
			MEMBER_WORD(type, field), MEMBER_MASK(type, field),        \
			offsetof(type, last) + MEMBER_SIZE(type, last) -           \
				offsetof(type, field),                             \
			count                                                      \
	}
/* A digest, and the bool that says whether there is one. */
#define MEMBER_HEX(name, type, field, has_field)                                         \
	{                                                                                \
		name, MEMBER_DIGEST, offsetof(type, field), MEMBER_SIZE(type, field), 0, \
			offsetof(type, has_field), MEMBER_WORD(type, has_field),         \
			MEMBER_MASK(type, has_field), 0, 0                               \
	}

/* The next member behind m (NULL: the first one) that is to be written of the object, as
 * a value or in a common way (up to MEMBER_DIGEST); NULL: none. */
const struct member *member_next(
	const struct member *table, const struct member *m, const void *object);
/* Appends one that is written in a common way. */
void member_write(const struct member *m, const void *object, struct buf *out);
/* Reads one such member into its place. False: it is not of its kind. */
MUST_CHECK bool member_read(const struct member *m, struct json v, void *object);
/* The member with this name, NULL: none. */
const struct member *member_find(const struct member *table, struct json name);
/* The place of a MEMBER_VALUE in the object. */
struct value **member_value(const struct member *m, const void *object);

#endif
