/*
 * PCRE2 without its JIT compiler. A callout before every item of the pattern counts the
 * work, so that patterns that backtrack without end are stopped, and at the same point
 * every time; PCRE2's own limits bound memory.
 */
#include "json_schema_pattern.h"

#include "buf.h"
#include "json_schema_dialect.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#define MATCH_LIMIT 50000000u
#define HEAP_LIMIT 65536u /* KiB */

struct json_schema_pattern {
	pcre2_code *code;
};

#define OPTIONS                                                                       \
	(PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |               \
		PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP | \
		PCRE2_AUTO_CALLOUT)

bool json_schema_pattern_compile(
	const char *s, size_t n, struct json_schema_pattern **ret, struct error *err)
{
	struct buf text = {0};
	if (!json_schema_dialect(s, n, &text, err)) {
		buf_finish(&text);
		return false;
	}
	int code;
	size_t offset;
	pcre2_code *compiled = pcre2_compile((const unsigned char *)buf_text(&text),
		text.len, OPTIONS, &code, &offset, NULL);
	buf_finish(&text);
	if (!compiled) {
		unsigned char why[256];
		pcre2_get_error_message(code, why, sizeof why);
		return error_set(err, ERROR_INPUT, "%s", (const char *)why);
	}
	*ret = xcalloc(1, sizeof **ret);
	(*ret)->code = compiled;
	return true;
}

void json_schema_pattern_destroy(struct json_schema_pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->code);
	free(p);
}

static int on_item(pcre2_callout_block *block, void *ctx)
{
	uint64_t *work = ctx;
	(void)block;
	if (*work == 0)
		return PCRE2_ERROR_CALLOUT;
	--*work;
	return 0;
}

enum json_schema_match json_schema_pattern_match(
	const struct json_schema_pattern *p, const char *s, size_t n, uint64_t *work)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	if (!context || !data)
		abort();
	pcre2_set_callout(context, on_item, work);
	pcre2_set_match_limit(context, MATCH_LIMIT);
	pcre2_set_heap_limit(context, HEAP_LIMIT);
	int rc = pcre2_match(p->code, (const unsigned char *)s, n, 0, PCRE2_NO_UTF_CHECK,
		data, context);
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	if (rc >= 0)
		return JSON_SCHEMA_MATCH_YES;
	return rc == PCRE2_ERROR_NOMATCH ? JSON_SCHEMA_MATCH_NO
					 : JSON_SCHEMA_MATCH_STOPPED;
}
