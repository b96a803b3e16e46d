/* Rules about names and networks, in the order of the command line. */
#include "http/reach.h"

#include "base/buf.h"
#include "http/address.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum rule_kind { RULE_ALL, RULE_CLASS, RULE_NETWORK, RULE_NAME };

struct rule {
	enum rule_kind kind;
	enum address_class class;
	struct address network; /* masked */
	unsigned bits;
	char *name;    /* in small letters */
	bool below;    /* all names below it */
	uint16_t port; /* 0: any */
};

struct rules {
	struct rule *items;
	size_t count;
};

struct http_reach {
	struct rules deny, allow;
};

/* ---- Reading ---- */

static bool read_class(const char *text, struct rule *ret)
{
	static const struct {
		const char *word;
		enum address_class class;
	} words[] = {{"private", ADDRESS_PRIVATE}, {"loopback", ADDRESS_LOOPBACK},
		{"metadata", ADDRESS_METADATA}};
	ret->kind = RULE_ALL;
	if (strcmp(text, "all") == 0)
		return true;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(text, words[i].word) != 0)
			continue;
		ret->kind = RULE_CLASS;
		ret->class = words[i].class;
		return true;
	}
	return false;
}

static bool read_network(const char *text, struct rule *ret)
{
	ret->kind = RULE_NETWORK;
	return address_read_network(text, &ret->network, &ret->bits);
}

static bool read_name(const char *text, struct rule *ret)
{
	size_t n = strlen(text);
	ret->kind = RULE_NAME;
	ret->below = strncmp(text, "*.", 2) == 0;
	text += ret->below ? 2 : 0;
	n -= ret->below ? 2 : 0;
	if (n && text[n - 1] == '.')
		n--;
	if (n == 0 || n > 253)
		return false;
	ret->name = xstrndup(text, n);
	bool letter = false; /* or it is a mistyped address */
	for (char *p = ret->name; *p; p++) {
		*p = (char)tolower((unsigned char)*p);
		letter |= *p >= 'a' && *p <= 'z';
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return false;
	}
	return letter;
}

/* Cuts ":PORT" off, and the brackets of an address. */
static bool read_port(char *text, struct rule *ret)
{
	char *colon = strrchr(text, ':'), *end = text + strlen(text);
	bool bracket = *text == '[';
	if (bracket ? colon && colon[-1] == ']' : colon && strchr(text, ':') == colon) {
		char *rest;
		unsigned long port = strtoul(colon + 1, &rest, 10);
		if (!isdigit((unsigned char)colon[1]) || *rest || port < 1 ||
			port > 65535)
			return false;
		ret->port = (uint16_t)port;
		*colon = '\0';
		end = colon;
	}
	if (!bracket)
		return true;
	if (end[-1] != ']')
		return false;
	end[-1] = '\0';
	memmove(text, text + 1, strlen(text));
	return true;
}

static bool read_rule(char *text, bool allows, struct rule *ret)
{
	if (read_class(text, ret))
		return !allows || ret->kind != RULE_ALL;
	if (!read_port(text, ret) || (ret->port && !allows))
		return false;
	return read_network(text, ret) || read_name(text, ret);
}

static bool add_rule(struct rules *rules, const char *text, size_t n, bool allows)
{
	struct rule rule = {0};
	char *copy = xstrndup(text, n);
	bool ok = read_rule(copy, allows, &rule);
	free(copy);
	rules->items = xrealloc(rules->items, (rules->count + 1) * sizeof rule);
	rules->items[rules->count++] = rule;
	return ok;
}

static bool read_rules(struct rules *rules, char **list, bool allows, struct error *err)
{
	for (; list && *list; list++) {
		for (const char *p = *list; p; p = *p ? p + 1 : NULL) {
			size_t n = strcspn(p, ",");
			if (!add_rule(rules, p, n, allows))
				return error_set(err, ERROR_INPUT,
					"%s: \"%.*s\" is none of %s",
					allows ? "--http-allow" : "--http-deny",
					(int)(n < 100 ? n : 100), p,
					allows ? "private, loopback, metadata, "
						 "ADDRESS, ADDRESS/BITS, HOST, *.HOST, "
						 "with :PORT or without"
					       : "all, private, loopback, ADDRESS, "
						 "ADDRESS/BITS, HOST, *.HOST");
			p += n;
		}
	}
	return true;
}

bool http_reach_create(
	char **deny, char **allow, struct http_reach **ret, struct error *err)
{
	bool any = (deny && *deny) || (allow && *allow);
	struct http_reach *r = any ? xcalloc(1, sizeof *r) : NULL;
	if (any && (!read_rules(&r->deny, deny, false, err) ||
			   !read_rules(&r->allow, allow, true, err))) {
		http_reach_destroy(r);
		return false;
	}
	*ret = r;
	return true;
}

static void rules_finish(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free(rules->items[i].name);
	free(rules->items);
}

void http_reach_destroy(struct http_reach *r)
{
	if (!r)
		return;
	rules_finish(&r->deny);
	rules_finish(&r->allow);
	free(r);
}

/* ---- Judging ---- */

bool http_reach_needs_addresses(const struct http_reach *r)
{
	for (size_t i = 0; r && i < r->deny.count; i++) {
		enum rule_kind kind = r->deny.items[i].kind;
		if (kind == RULE_CLASS || kind == RULE_NETWORK)
			return true;
	}
	return false;
}

static bool name_is(const struct rule *rule, const char *host)
{
	size_t n = strlen(host), m = strlen(rule->name);
	if (n && host[n - 1] == '.')
		n--;
	if (!rule->below)
		return n == m && strncasecmp(host, rule->name, n) == 0;
	return n > m + 1 && host[n - m - 1] == '.' &&
	       strncasecmp(host + n - m, rule->name, m) == 0;
}

static bool find_name(const struct rules *rules, const char *host, uint16_t port)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];
		if (rule->kind == RULE_NAME && (!rule->port || rule->port == port) &&
			name_is(rule, host))
			return true;
	}
	return false;
}

static bool denies_all(const struct http_reach *r)
{
	for (size_t i = 0; i < r->deny.count; i++) {
		if (r->deny.items[i].kind == RULE_ALL)
			return true;
	}
	return false;
}

enum reach_name http_reach_judge_name(const struct http_reach *r, const char *host,
	uint16_t port, bool proxied, char *text, size_t size)
{
	if (!r)
		return REACH_OPEN;
	if (find_name(&r->allow, host, port))
		return REACH_ALLOWED;
	if (!find_name(&r->deny, host, port) && !(proxied && denies_all(r)))
		return REACH_OPEN;
	snprintf(text, size, "%.100s is denied here (--http-deny)", host);
	return REACH_DENIED;
}

/* What is in the class of metadata services is meant only by who names it. */
static bool covers(
	const struct rule *rule, const struct address *a, enum address_class class)
{
	switch (rule->kind) {
	case RULE_ALL: return true;
	case RULE_CLASS: return rule->class == class;
	case RULE_NETWORK:
		return address_is_in(a, &rule->network, rule->bits) &&
		       (class != ADDRESS_METADATA ||
			       address_classify(&rule->network) == ADDRESS_METADATA);
	case RULE_NAME: return false;
	}
	return false;
}

static bool find_address(const struct rules *rules, const struct address *a,
	enum address_class class, uint16_t port)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->items[i];
		if ((!rule->port || rule->port == port) && covers(rule, a, class))
			return true;
	}
	return false;
}

bool http_reach_refuses(const struct http_reach *r, const struct sockaddr *address,
	bool allowed, char *text, size_t size)
{
	static const struct http_reach none;
	struct address a;
	uint16_t port = 0;
	char shown[ADDRESS_SHOWN];
	bool known = address_take(address, &a, &port);
	enum address_class class = known ? address_classify(&a) : ADDRESS_NEVER;
	if (!r)
		r = &none;
	if (class == ADDRESS_NEVER) {
		address_show(address, shown);
		snprintf(text, size, "%s is not the address of a service", shown);
		return true;
	}
	if (find_address(&r->allow, &a, class, port))
		return false;
	if (class == ADDRESS_METADATA) {
		address_show(address, shown);
		snprintf(text, size,
			"%s is link-local or a cloud's metadata service; allow it with "
			"--http-allow %s",
			shown, shown);
		return true;
	}
	if (allowed || !find_address(&r->deny, &a, class, port))
		return false;
	address_show(address, shown);
	snprintf(text, size, "%s is denied here (--http-deny)", shown);
	return true;
}
