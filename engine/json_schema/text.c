/* Only the last character of a text that was cut can be in parts. */
#include "json_schema/text.h"

#include <string.h>

void json_schema_text_repair(char *text)
{
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	}
	size_t n = strlen(text), start = n;
	while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0 || (unsigned char)text[start - 1] < 0xC0)
		return;
	unsigned char lead = (unsigned char)text[--start];
	size_t whole = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
	if (n - start < whole)
		text[start] = '\0';
}
