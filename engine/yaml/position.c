/*
 * From a byte inside a JSON string to its place in the YAML that it was converted from.
 * Both are read side by side without their blanks: folding, indentation and line breaks
 * change nothing else, whatever the style of the scalar.
 */
#include "yaml/yaml.h"

#include <string.h>

#include "json/json.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes of the string's content before the byte at json + offset, blanks not counted. */
static size_t count_before(const char *json, size_t from, size_t offset)
{
	struct buf quoted = {0}, content = {0};
	size_t count = 0;
	buf_add(&quoted, json + from, offset - from);
	buf_putc(&quoted, '"');
	json_string((struct json){quoted.data, quoted.len}, &content);
	for (size_t i = 0; i < content.len; i++)
		count += !is_blank(content.data[i]);
	buf_finish(&quoted);
	buf_finish(&content);
	return count;
}

static unsigned utf8_length(const char *hex, size_t digits)
{
	unsigned long code = 0;
	for (size_t i = 0; i < digits && hex[i]; i++)
		code = code * 16 + (unsigned long)(hex[i] & 15) + (hex[i] > '9' ? 9 : 0);
	return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/* The escape of a double-quoted scalar at p: its length, and how much content that is
 * stands for, blanks not counted. */
static size_t escape_length(const char *p, const char *end, size_t *ret_count)
{
	static const char kinds[] = "xuU";
	static const size_t digits[] = {2, 4, 8};
	const char *kind = p + 1 < end && p[1] ? strchr(kinds, p[1]) : NULL;
	*ret_count = p + 1 < end && strchr("\n\r\t nrt", p[1]) ? 0 : 1;
	if (kind) {
		*ret_count = utf8_length(p + 2, digits[kind - kinds]);
		return 2 + digits[kind - kinds];
	}
	if (p + 1 < end && strchr("N_LP", p[1]))
		*ret_count = strchr("LP", p[1]) ? 3 : 2;
	return 2;
}

/* The place in a scalar that begins at p, behind so much of its content. */
static const char *skip(const char *p, const char *end, size_t count)
{
	char style = p < end ? *p : '\0';
	if (style == '|' || style == '>') {
		while (p < end && *p != '\n')
			p++;
	} else if (style == '"' || style == '\'') {
		p++;
	}
	while (p < end) {
		size_t n = 1, counts = !is_blank(*p);
		if (style == '"' && *p == '\\')
			n = escape_length(p, end, &counts);
		else if (style == '\'' && *p == '\'')
			n = 2;
		if (count == 0 && counts > 0)
			break;
		count -= counts < count ? counts : count;
		p += n;
	}
	return p < end ? p : end;
}

void yaml_find(const struct yaml_source *source, const struct yaml_map *map,
	size_t offset, unsigned *ret_line, unsigned *ret_column)
{
	const char *p = source->text, *end = p + source->n;
	const struct yaml_place *place = yaml_map_place(map, offset);
	yaml_map_position(map, offset, ret_line, ret_column);
	if (!place || offset <= place->offset || source->json[place->offset] != '"')
		return;
	for (unsigned line = 1; line < place->line && p < end; line++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		p = newline ? newline + 1 : end;
	}
	unsigned lines, columns;
	for (unsigned column = 1; column < place->column && p < end; column++) {
		p++;
		while (p < end && (*p & 0xC0) == 0x80)
			p++;
	}
	if (p < end &&
		strchr("*&!", *p)) /* an alias; what an anchor or tag stands before */
		return;
	const char *at = skip(p, end, count_before(source->json, place->offset, offset));
	json_position(p, (size_t)(at - p), &lines, &columns);
	*ret_column = lines == 1 ? place->column + columns - 1 : columns;
	*ret_line = place->line + lines - 1;
}
