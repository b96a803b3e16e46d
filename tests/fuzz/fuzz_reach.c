/* Rules of where requests may go, and addresses that are held against them. */
#include "fuzz.h"

#include "http/address.h"
#include "http/reach.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool take(const char *text, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){.ss_family = AF_INET};
	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)ret)->sin_addr) == 1)
		return true;
	*ret = (struct sockaddr_storage){.ss_family = AF_INET6};
	return inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)ret)->sin6_addr) == 1;
}

static void judge(const struct http_reach *r, const char *host, char *deny, char *allow)
{
	char text[160] = "", without[160] = "";
	struct sockaddr_storage address;
	if (!take(host, &address)) {
		enum reach_name name =
			http_reach_judge_name(r, host, 80, true, text, sizeof text);
		must((name == REACH_DENIED) == (*text != '\0'), "no reason for %s", host);
		return;
	}
	const struct sockaddr *s = (struct sockaddr *)&address;
	bool refused = http_reach_refuses(r, s, false, text, sizeof text);
	bool ever = http_reach_refuses(NULL, s, true, without, sizeof without);
	must(refused == (*text != '\0'), "no reason for %s", host);
	must(refused || !ever || *allow, "%s is reached by denying %s", host, deny);
	must(!strstr(without, "no service") || refused, "%s is no service's", host);
}

/* What is denied, what is allowed, a host. */
void fuzz_reach(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	char *deny = fuzz_part_text(&in), *allow = fuzz_part_text(&in),
	     *host = fuzz_part_text(&in);
	struct http_reach *r;
	struct error err = {0};
	if (http_reach_create((char *[]){*deny ? deny : NULL, NULL},
		    (char *[]){*allow ? allow : NULL, NULL}, &r, &err)) {
		(void)http_reach_needs_addresses(r);
		judge(r, host, deny, allow);
		http_reach_destroy(r);
	} else {
		must(err.kind == ERROR_INPUT && *err.text, "no reason");
	}
	free(deny);
	free(allow);
	free(host);
}
