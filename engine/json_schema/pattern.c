/*
 * PCRE2 without its JIT compiler. A callout before every item of the pattern counts the
 * work, so that patterns that backtrack without end are stopped, and at the same point
 * every time; PCRE2's own limits bound memory. What an item may read of the subject is
 * counted, too: seen afterwards by how far the next callout is from the last one, and
 * beforehand where an item may read on and then fail (x{9999}, \1, look-behind).
 */
#include "json_schema/pattern.h"

#include "base/buf.h"
#include "json_schema/dialect.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#define MATCH_LIMIT 50000000u
#define HEAP_LIMIT 65536u /* KiB */

struct json_schema_pattern {
	pcre2_code *code;
	size_t item_reads; /* characters that one item may read and then fail */
	bool refers_back;
	bool uncounted; /* too large with callouts: PCRE2's own limit counts */
};

/* The work of one search. */
struct search {
	uint64_t *work;
	uint64_t item; /* work of an item, whatever it reads */
	size_t last;   /* where the last callout was */
};

#define BYTES_A_WORK 64u /* read in about the time of a callout */

#define OPTIONS                                                                       \
	(PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |               \
		PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP | \
		PCRE2_AUTO_CALLOUT)

static struct json_schema_pattern *create_pattern(pcre2_code *code, size_t count)
{
	struct json_schema_pattern *p = xcalloc(1, sizeof *p);
	uint32_t behind = 0, back = 0;
	pcre2_pattern_info(code, PCRE2_INFO_MAXLOOKBEHIND, &behind);
	pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &back);
	p->code = code;
	p->item_reads = count + behind;
	p->refers_back = back > 0;
	return p;
}

static bool compile(const char *s, size_t n, uint32_t options, size_t count,
	struct json_schema_pattern **ret, struct error *err)
{
	int code;
	size_t offset;
	pcre2_code *compiled =
		pcre2_compile((const unsigned char *)s, n, options, &code, &offset, NULL);
	if (compiled) {
		*ret = create_pattern(compiled, count);
		return true;
	}
	unsigned char why[256];
	pcre2_get_error_message(code, why, sizeof why);
	return error_set(
		err, ERROR_INPUT, "%s (character %zu)", (const char *)why, offset);
}

/* The largest number in the text, which may be how often an item is repeated. */
static size_t largest_number(const char *s, size_t n)
{
	size_t most = 1, number = 0;
	for (size_t i = 0; i < n; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';
		number = !digit           ? 0
			 : number < 65536 ? 10 * number + (size_t)(s[i] - '0')
					  : number;
		most = number > most ? number : most;
	}
	return most;
}

bool json_schema_pattern_compile_whole(
	const char *s, size_t n, struct json_schema_pattern **ret, struct error *err)
{
	struct error why;
	if (compile(s, n,
		    PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_AUTO_CALLOUT,
		    largest_number(s, n), ret, &why))
		return true;
	if (!compile(s, n, PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, 1, ret, err))
		return false;
	(*ret)->uncounted = true;
	return true;
}

bool json_schema_pattern_compile(
	const char *s, size_t n, struct json_schema_pattern **ret, struct error *err)
{
	struct buf text = {0};
	size_t count;
	if (!json_schema_dialect(s, n, &text, &count, err)) {
		buf_finish(&text);
		return false;
	}
	bool ok = compile(buf_text(&text), text.len, OPTIONS, count, ret, err);
	buf_finish(&text);
	return ok;
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
	struct search *s = ctx;
	size_t at = block->current_position;
	size_t read = at > s->last ? at - s->last : s->last - at;
	uint64_t work = s->item + read / BYTES_A_WORK;
	s->last = at;
	if (work > *s->work) {
		*s->work = 0;
		return PCRE2_ERROR_CALLOUT;
	}
	*s->work -= work;
	return 0;
}

enum json_schema_match json_schema_pattern_match(
	const struct json_schema_pattern *p, const char *s, size_t n, uint64_t *work)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	if (!context || !data)
		abort();
	struct search search = {.work = work};
	search.item = 1 + (p->item_reads + (p->refers_back ? n : 0)) / BYTES_A_WORK;
	pcre2_set_callout(context, on_item, &search);
	bool short_of = p->uncounted && *work < MATCH_LIMIT;
	pcre2_set_match_limit(context, short_of ? (uint32_t)*work : MATCH_LIMIT);
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
