/* Prefixes of addresses: RFC 6890 and what clouds say of theirs. */
#include "http/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prefix {
	uint8_t bytes[16];
	unsigned bits;
	enum address_class class;
};

#define V4(a, b, c, d)                                                       \
	{                                                                    \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b), (c), (d) \
	}

/* The first that fits counts. */
static const struct prefix prefixes[] = {
	{V4(169, 254, 0, 0), 96 + 16, ADDRESS_METADATA},
	{V4(100, 100, 100, 200), 96 + 32, ADDRESS_METADATA}, /* Alibaba */
	{V4(192, 0, 0, 192), 96 + 32, ADDRESS_METADATA},     /* Oracle, classic */
	{V4(168, 63, 129, 16), 96 + 32, ADDRESS_METADATA},   /* Azure */
	{V4(0, 0, 0, 0), 96 + 8, ADDRESS_NEVER},
	{V4(224, 0, 0, 0), 96 + 4, ADDRESS_NEVER},
	{V4(240, 0, 0, 0), 96 + 4, ADDRESS_NEVER},
	{V4(127, 0, 0, 0), 96 + 8, ADDRESS_LOOPBACK},
	{V4(10, 0, 0, 0), 96 + 8, ADDRESS_PRIVATE},
	{V4(172, 16, 0, 0), 96 + 12, ADDRESS_PRIVATE},
	{V4(192, 168, 0, 0), 96 + 16, ADDRESS_PRIVATE},
	{V4(100, 64, 0, 0), 96 + 10, ADDRESS_PRIVATE},
	{V4(192, 0, 0, 0), 96 + 24, ADDRESS_PRIVATE},
	{V4(198, 18, 0, 0), 96 + 15, ADDRESS_PRIVATE},
	{{[15] = 1}, 128, ADDRESS_LOOPBACK},
	{{0xfe, 0x80}, 10, ADDRESS_METADATA},
	{{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}, 128, ADDRESS_METADATA}, /* AWS */
	{{0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23}, 128, ADDRESS_METADATA}, /* AWS, EKS */
	{{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54}, 128, ADDRESS_METADATA}, /* GCP */
	{{0xfd, 0x00, 0x00, 0xc1, [12] = 0xa9, 0xfe, 0xa9, 0xfe}, 128,
		ADDRESS_METADATA},                                      /* Oracle */
	{{0xfd, 0x00, 0x00, 0x42, [15] = 0x42}, 128, ADDRESS_METADATA}, /* Scaleway */
	{{0x20, 0x01, 0x00, 0x00}, 32, ADDRESS_METADATA},               /* Teredo */
	{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, ADDRESS_METADATA},   /* RFC 8215 */
	{{0xff}, 8, ADDRESS_NEVER},
	{{0xfc}, 7, ADDRESS_PRIVATE},
	{{0xfe, 0xc0}, 10, ADDRESS_PRIVATE},
};

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits)
{
	unsigned bytes = bits / 8;
	if (memcmp(address, prefix, bytes) != 0)
		return false;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);
	return bits % 8 == 0 || ((address[bytes] ^ prefix[bytes]) & mask) == 0;
}

/* What carries an IPv4 address becomes that one. Of RFC 8215's forms only the one whose
 * prefix is 96 bits long is known to have it at the end. */
static void unwrap(struct address *a)
{
	static const struct {
		uint8_t prefix[12];
		unsigned bits, at;
	} forms[] = {
		{{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12}, /* translated */
		{{0}, 96, 12},                                  /* compatible */
		{{0x00, 0x64, 0xff, 0x9b}, 96, 12},             /* NAT64 */
		{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 96, 12}, /* NAT64, local */
		{{0x20, 0x02}, 16, 2},                          /* 6to4 */
	};
	static const uint8_t loopback[16] = {[15] = 1};
	static const uint8_t mapped[16] = V4(0, 0, 0, 0);
	uint8_t v4[4];
	memcpy(a->written, a->bytes, 16);
	if (memcmp(a->bytes, loopback, 16) == 0)
		return;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (!has_prefix(a->bytes, forms[i].prefix, forms[i].bits))
			continue;
		memcpy(v4, a->bytes + forms[i].at, 4);
		memcpy(a->bytes, mapped, 12);
		memcpy(a->bytes + 12, v4, 4);
		return;
	}
}

static struct address from_v4(const void *bytes)
{
	struct address a = {.bytes = V4(0, 0, 0, 0)};
	memcpy(a.bytes + 12, bytes, 4);
	memcpy(a.written, a.bytes, 16);
	return a;
}

void address_show(const struct sockaddr *s, char ret[ADDRESS_SHOWN])
{
	const void *bytes =
		s->sa_family == AF_INET
			? (const void *)&((const struct sockaddr_in *)s)->sin_addr
			: &((const struct sockaddr_in6 *)s)->sin6_addr;
	if ((s->sa_family != AF_INET && s->sa_family != AF_INET6) ||
		!inet_ntop(s->sa_family, bytes, ret, ADDRESS_SHOWN))
		snprintf(ret, ADDRESS_SHOWN, "the address");
}

bool address_take(const struct sockaddr *s, struct address *ret, uint16_t *ret_port)
{
	if (s->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)s;
		*ret = from_v4(&v4->sin_addr);
		*ret_port = ntohs(v4->sin_port);
		return true;
	}
	if (s->sa_family != AF_INET6)
		return false;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)s;
	memcpy(ret->bytes, &v6->sin6_addr, 16);
	*ret_port = ntohs(v6->sin6_port);
	unwrap(ret);
	return true;
}

/* Not unwrapped: a network of IPv6 stays one. */
static bool read_bytes(const char *text, struct address *ret, bool *ret_v4)
{
	struct in_addr v4;
	*ret_v4 = inet_pton(AF_INET, text, &v4) == 1;
	if (*ret_v4)
		*ret = from_v4(&v4);
	return *ret_v4 || inet_pton(AF_INET6, text, ret->bytes) == 1;
}

bool address_read(const char *text, struct address *ret)
{
	bool v4;
	if (!read_bytes(text, ret, &v4))
		return false;
	unwrap(ret);
	return true;
}

static void mask(struct address *a, unsigned bits)
{
	for (unsigned i = 0; i < 128; i++) {
		if (i >= bits)
			a->bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	}
}

bool address_read_network(const char *text, struct address *ret, unsigned *ret_bits)
{
	char address[ADDRESS_SHOWN], *end = NULL;
	size_t n = strcspn(text, "/");
	bool v4;
	if (n >= sizeof address)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (!read_bytes(address, ret, &v4))
		return false;
	unsigned long most = v4 ? 32 : 128, bits = most;
	if (text[n] == '/')
		bits = strtoul(text + n + 1, &end, 10);
	if (end && (!isdigit((unsigned char)text[n + 1]) || *end || bits > most))
		return false;
	*ret_bits = (unsigned)bits + (v4 ? 96 : 0);
	if (*ret_bits == 128)
		unwrap(ret);
	mask(ret, *ret_bits);
	return true;
}

bool address_is_in(const struct address *a, const struct address *network, unsigned bits)
{
	return has_prefix(a->bytes, network->bytes, bits) ||
	       has_prefix(a->written, network->bytes, bits);
}

enum address_class address_classify(const struct address *a)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		if (has_prefix(a->bytes, prefixes[i].bytes, prefixes[i].bits))
			return prefixes[i].class;
	}
	return ADDRESS_FREE;
}
