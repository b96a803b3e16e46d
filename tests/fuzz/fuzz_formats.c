/* Small texts: the formats of the DSL's schema, durations, times, ids, and what is shown.
 */
#include "fuzz.h"

#include "base/escape.h"
#include "base/uuid.h"
#include "definition/duration.h"
#include "json/format.h"

#include <stdlib.h>
#include <string.h>

static void check_durations(const char *text)
{
	int64_t usec = 0, again = 0;
	char out[64];
	struct buf json = {0};
	json_put_text(&json, text);
	if (duration_read((struct json){json.data, json.len}, &usec, NULL)) {
		must(duration_parse(text, &again) && again == usec, "%s is %lld or %lld",
			text, (long long)usec, (long long)again);
		must(usec >= 0 && usec <= DURATION_MAX, "%s is %lld", text,
			(long long)usec);
		duration_format(usec, out, sizeof out);
	}
	if (duration_parse(text, &usec))
		must(usec >= 0 && usec <= DURATION_MAX, "%s is %lld", text,
			(long long)usec);
	buf_finish(&json);
}

static void check_times(const char *text)
{
	char out[CLOCK_TEXT];
	int64_t usec = 0, again = 0;
	if (clock_parse(text, &usec)) {
		clock_format(usec, out);
		if (out[0] != 'i')
			must(clock_parse(out, &again) && again == usec, "%s becomes %s",
				text, out);
	}
	if (clock_parse_http(text, &usec))
		clock_format(usec, out);
}

static void check_escape(const char *s, size_t n)
{
	struct buf safe = {0};
	for (int lines = 0; lines < 2; lines++) {
		buf_clear(&safe);
		escape_text(s, n, lines, &safe);
		for (size_t i = 0; i < safe.len; i++) {
			unsigned char c = (unsigned char)safe.data[i];
			must((c >= 0x20 && c != 0x7f) ||
					(lines && (c == '\n' || c == '\t')),
				"byte %u gets to the terminal", c);
		}
	}
	buf_finish(&safe);
}

void fuzz_formats(const char *data, size_t n)
{
	char *bytes = xmalloc(n ? n : 1), *text = xstrndup(data, n);
	struct uuid id;
	memcpy(bytes, data, n);
	for (unsigned format = 1; format < FORMAT_SQL; format <<= 1)
		(void)text_has_format(bytes, n, format);
	check_durations(text);
	check_times(text);
	check_escape(bytes, n);
	if (uuid_parse(text, &id)) {
		char out[UUID_TEXT];
		uuid_format(id, out);
		must(strcasecmp(out, text) == 0, "%s becomes %s", text, out);
	}
	free(bytes);
	free(text);
}
