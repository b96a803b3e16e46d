/*
 * One end of a socket pair to an evaluator: bytes that wait to be written, and messages
 * that have come. Neither end ever waits for the other here. On a loop, it calls when
 * there is something to read, or when the other end is gone.
 */
#ifndef STEPWELL_JQ_CHANNEL_H
#define STEPWELL_JQ_CHANNEL_H

#include <uv.h>

#include "jq/wire.h"

struct channel {
	int fd; /* -1: closed */
	struct buf in, out;
	size_t taken, sent; /* of them */
	size_t largest;     /* payload that is taken for a message; 0: JQWIRE_MAX */
	uv_poll_t *poll;    /* NULL without a loop */
	int watched;        /* what the loop looks for */
	void (*on_ready)(void *ctx);
	void *ctx;
};

/* Takes the descriptor; loop NULL: none. */
void channel_init(
	struct channel *c, int fd, uv_loop_t *loop, void (*on_ready)(void *), void *ctx);
void channel_finish(struct channel *c);

/* Writes what can be at once, and reads so many bytes, about; false: the other end is
 * gone. */
bool channel_move(struct channel *c, size_t most);
/* The next whole message, valid until channel_drop or channel_move; *ret_bad: what came
 * is none. */
bool channel_take(struct channel *c, struct jqwire_header *ret,
	struct jqwire_reader *ret_payload, bool *ret_bad);
/* What was taken makes room. */
void channel_drop(struct channel *c);
/* The loop looks for what there is to do, and to read if it is said. */
void channel_watch(struct channel *c, bool reads);

#endif
