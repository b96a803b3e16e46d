/*
 * A conversation made from bytes: messages of the evaluators' protocol, most of them
 * right but for something, and bytes that are none; in pieces of any size. Each byte of
 * the input is a choice; where it has ended, all are 0.
 */
#ifndef STEPWELL_FUZZ_SCRIPT_H
#define STEPWELL_FUZZ_SCRIPT_H

#include "jq/wire.h"

struct script {
	const uint8_t *p, *end;
};

unsigned script_next(struct script *in, unsigned limit); /* below the limit */
/* Some of the input's bytes as they are, at most so many. */
void script_put_bytes(struct script *in, size_t most, struct buf *out);
/* Ends the message that begins there; sometimes with something of its header changed. */
void script_end_message(struct script *in, size_t begin, struct buf *out);
/* How many of n bytes come next: often few. */
size_t script_piece(struct script *in, size_t n);

#endif
