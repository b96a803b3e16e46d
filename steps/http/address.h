/*
 * Addresses as 16 bytes, and what kind of service may be behind them. An IPv4 address
 * inside an IPv6 one (mapped, translated, compatible, NAT64, 6to4: RFC 4291, 6052, 8215,
 * 3056) is that IPv4 address.
 */
#ifndef STEPWELL_HTTP_ADDRESS_H
#define STEPWELL_HTTP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_SHOWN INET6_ADDRSTRLEN

struct address {
	uint8_t bytes[16];   /* IPv4: mapped, ::ffff:a.b.c.d */
	uint8_t written[16]; /* before the IPv4 address was taken out of it */
};

enum address_class {
	ADDRESS_FREE,
	ADDRESS_LOOPBACK,
	ADDRESS_PRIVATE,
	ADDRESS_METADATA, /* link-local, clouds' services for the machine, Teredo */
	ADDRESS_NEVER,    /* no service's: unspecified, multicast, reserved */
};

/* False: neither IPv4 nor IPv6. */
bool address_take(const struct sockaddr *s, struct address *ret, uint16_t *ret_port);
void address_show(const struct sockaddr *s, char ret[ADDRESS_SHOWN]);
/* The text is an address of IPv4 or IPv6. */
bool address_read(const char *text, struct address *ret);
/* ADDRESS or ADDRESS/BITS; the network is masked. */
bool address_read_network(const char *text, struct address *ret, unsigned *ret_bits);

/* As it was written, or as the IPv4 address in it. */
bool address_is_in(const struct address *a, const struct address *network, unsigned bits);
enum address_class address_classify(const struct address *a);

#endif
