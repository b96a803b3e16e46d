/*
 * Where requests may go (SSRF): the addresses that no service has or that only the
 * machine itself should ask, and the operator's --http-deny and --http-allow.
 *
 * Addresses are judged at the socket, after name resolution, so no spelling of a URL and
 * no change of a name's address gets around it; and once more before each request, which
 * may go down a connection that was kept. An IPv4 address inside an IPv6 one (mapped,
 * compatible, NAT64, 6to4) counts as that IPv4 address.
 *
 * - "This network", multicast and reserved addresses are never reached.
 * - Metadata services of clouds and link-local addresses are, where an address of theirs
 *   or the word `metadata` is allowed.
 * - All others are, unless they are denied and not allowed. Whoever allows a name trusts
 *   it to lead where it does.
 */
#ifndef STEPWELL_HTTP_REACH_H
#define STEPWELL_HTTP_REACH_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct http_reach;

/* deny: `all`, `private`, `loopback`, an address, a network (10.0.0.0/8), a host's name,
 * `*.example.com` (all names below); allow: the same but for `all`, and `metadata`; with
 * a port after them if only that is allowed (HOST:PORT, [ADDRESS]:PORT). Lists are
 * NULL-ended, each text may hold several after commas; both NULL: *ret is NULL, as
 * everywhere here. ERROR_INPUT says which is none of these. */
MUST_CHECK bool http_reach_create(
	char **deny, char **allow, struct http_reach **ret, struct error *err);
void http_reach_destroy(struct http_reach *r);

/* Whether something is denied by its address: behind a proxy, which resolves names,
 * nobody here can tell. */
bool http_reach_needs_addresses(const struct http_reach *r);

enum reach_name {
	REACH_OPEN,    /* its addresses decide */
	REACH_ALLOWED, /* whatever its addresses are, but metadata */
	REACH_DENIED,  /* the reason is in text */
};

/* What the host of a URL (no address) says; `proxied`: its addresses will not be asked
 * for. */
enum reach_name http_reach_judge_name(const struct http_reach *r, const char *host,
	uint16_t port, bool proxied, char *text, size_t size);

/* Whether the address is refused; then the reason, for the author, is written to text.
 * allowed: its name is. */
bool http_reach_refuses(const struct http_reach *r, const struct sockaddr *address,
	bool allowed, char *text, size_t size);

#endif
