/*
 * A scripted HTTP server on 127.0.0.1, in a thread of its own: it keeps what it was sent,
 * byte for byte, and answers each request with the next reply of its script, byte for
 * byte, so that an answer can be as broken as a test wants it.
 */
#ifndef STEPWELL_HTTP_STUB_H
#define STEPWELL_HTTP_STUB_H

#include <stdbool.h>
#include <stddef.h>

enum stub_then {
	STUB_KEEP,  /* the connection stays open */
	STUB_CLOSE, /* closed after the reply */
	STUB_RESET, /* closed with RST after the reply */
};

struct stub_request {
	char *head; /* request line and headers */
	char *body;
	size_t body_len;
	unsigned connection; /* 1, 2, ... */
};

struct stub *stub_create(void);
void stub_destroy(struct stub *s);
int stub_port(const struct stub *s);
/* Adds a reply to the script; an empty one is silence. Out of replies, it is 200 and {}.
 */
void stub_reply(struct stub *s, const char *bytes, size_t n, enum stub_then then);
void stub_text(struct stub *s, const char *text);
size_t stub_count(struct stub *s);
/* The i-th request from 0; valid until stub_destroy, as no further one moves it. */
const struct stub_request *stub_request(struct stub *s, size_t i);

#endif
