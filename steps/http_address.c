/* Refused addresses, by prefix. */
#include "http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum address_class { ADDRESS_FREE, ADDRESS_LINK_LOCAL, ADDRESS_NEVER };

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
	unsigned bytes = bits / 8;
	if (memcmp(address, prefix, bytes) != 0)
		return false;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);
	return bits % 8 == 0 || ((address[bytes] ^ prefix[bytes]) & mask) == 0;
}

static enum address_class classify_v4(const uint8_t *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	if (a[0] == 169 && a[1] == 254)
		return ADDRESS_LINK_LOCAL;
	if (a[0] == 0 || (a[0] & 0xf0) == 224 || memcmp(a, broadcast, 4) == 0)
		return ADDRESS_NEVER;
	return ADDRESS_FREE;
}

/* Where an IPv6 address carries an IPv4 one: RFC 4291, 6052, 8215, 3056. */
static const uint8_t *embedded_v4(const uint8_t *a)
{
	static const struct {
		uint8_t prefix[12];
		unsigned bits, at;
	} forms[] = {
		{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12}, /* mapped */
		{{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12},       /* translated */
		{{0}, 96, 12},                                        /* compatible */
		{{0x00, 0x64, 0xff, 0x9b}, 96, 12},                   /* NAT64 */
		{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, 12}, /* NAT64, local use */
		{{0x20, 0x02}, 16, 2},                          /* 6to4 */
	};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (has_prefix(a, forms[i].prefix, forms[i].bits))
			return a + forms[i].at;
	}
	return NULL;
}

static enum address_class classify_v6(const uint8_t *a)
{
	static const uint8_t loopback[16] = {[15] = 1};
	static const uint8_t link_local[] = {0xfe, 0x80}; /* /10 */
	static const uint8_t metadata[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54};
	if (memcmp(a, loopback, 16) == 0)
		return ADDRESS_FREE;
	if (has_prefix(a, link_local, 10) || memcmp(a, metadata, 16) == 0)
		return ADDRESS_LINK_LOCAL;
	if (a[0] == 0xff)
		return ADDRESS_NEVER;
	const uint8_t *v4 = embedded_v4(a);
	return v4 ? classify_v4(v4) : ADDRESS_FREE;
}

static enum address_class classify(
	const struct sockaddr *address, char *shown, socklen_t shown_size)
{
	const uint8_t *bytes;
	if (address->sa_family == AF_INET) {
		bytes = (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
		inet_ntop(AF_INET, bytes, shown, shown_size);
		return classify_v4(bytes);
	}
	if (address->sa_family == AF_INET6) {
		bytes = ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr;
		inet_ntop(AF_INET6, bytes, shown, shown_size);
		return classify_v6(bytes);
	}
	snprintf(shown, shown_size, "the address");
	return ADDRESS_NEVER;
}

bool http_address_is_refused(
	const struct sockaddr *address, bool allow_link_local, char *text, size_t size)
{
	char shown[INET6_ADDRSTRLEN];
	enum address_class class = classify(address, shown, sizeof shown);
	if (class == ADDRESS_FREE || (class == ADDRESS_LINK_LOCAL && allow_link_local))
		return false;
	if (class == ADDRESS_LINK_LOCAL)
		snprintf(text, size,
			"%s is a link-local address; allow it with --allow-link-local",
			shown);
	else
		snprintf(text, size, "%s is not the address of a service", shown);
	return true;
}
