/*
 * The values that a snapshot names, read from the entries that hold them: a few entries
 * at a time, of which only those values are kept.
 */
#ifndef STEPWELL_WORKER_PLACES_H
#define STEPWELL_WORKER_PLACES_H

#include "journal/store.h"
#include "run/snapshot.h"

/* Of an entry, whose text is of our own making. */
extern const struct json_limits entry_limits;

struct places;

/* Those that the snapshot names, which is borrowed until they are collected, so many
 * frames at a time; places_collect: whether some are left. */
struct places *places_create(struct json snapshot);
bool places_collect(struct places *p, int frames);
/* When they are. False: it names none. */
bool places_sort(struct places *p);
void places_destroy(struct places *p);

/* Adds the statement that reads the next of the run's entries; false: there are no more.
 */
bool places_ask(const struct places *p, struct uuid run, struct db_batch *b);
/* What it has returned. */
void places_take(struct places *p, const struct db_result *rows);

/* A frames_fetch; ctx: the places, or NULL. Each may be had once: the text borrows until
 * the next call. */
struct json places_fetch(void *ctx, int64_t seq, unsigned op, const char *field);

#endif
