/*
 * Which addresses `call: http` may not reach (SSRF): asked for the address of each
 * socket, after name resolution, so no spelling of a URL gets around it.
 *
 * Link-local addresses (cloud metadata services live there) are refused unless they are
 * allowed; "this network", the unspecified address, multicast and broadcast always.
 * Loopback and private addresses may be called. An IPv4 address inside an IPv6 one
 * (mapped, compatible, NAT64, 6to4) counts as that IPv4 address.
 */
#ifndef STEPWELL_HTTP_ADDRESS_H
#define STEPWELL_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Whether the address is refused; then the reason, for the author, is written to text. */
bool http_address_is_refused(
	const struct sockaddr *address, bool allow_link_local, char *text, size_t size);

#endif
