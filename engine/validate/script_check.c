/*
 * The names that a script is given: each becomes a variable of the program, so it is one
 * that the program can write.
 */
#include "validate/inspection.h"

#include <ctype.h>
#include <string.h>

/* Python 3.11: keyword.kwlist. */
static const char *const python_words[] = {"False", "None", "True", "and", "as", "assert",
	"async", "await", "break", "class", "continue", "def", "del", "elif", "else",
	"except", "finally", "for", "from", "global", "if", "import", "in", "is",
	"lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
	"with", "yield", NULL};

/* ECMAScript 2023, 12.7.2, of a module, and what cannot be set. */
static const char *const js_words[] = {"arguments", "await", "break", "case", "catch",
	"class", "const", "continue", "debugger", "default", "delete", "do", "else",
	"enum", "eval", "export", "extends", "false", "finally", "for", "function", "if",
	"implements", "import", "in", "instanceof", "interface", "let", "new", "null",
	"package", "private", "protected", "public", "return", "static", "super",
	"switch", "this", "throw", "true", "try", "typeof", "var", "void", "while",
	"with", "yield", "Infinity", "NaN", "undefined", NULL};

/* What begins with two underscores belongs to the languages. */
static bool is_name(struct json key)
{
	struct buf text = {0};
	json_string(key, &text);
	const char *s = buf_text(&text);
	bool is = text.len && !isdigit((unsigned char)s[0]) && strncmp(s, "__", 2) != 0;
	for (size_t i = 0; is && i < text.len; i++) {
		unsigned char c = (unsigned char)s[i];
		is = c < 128 && (isalnum(c) || c == '_');
	}
	buf_finish(&text);
	return is;
}

static void check_name(struct inspection *in, struct json key, struct json language,
	const struct spot *place)
{
	char quoted[QUOTE_SIZE];
	bool python = json_string_is(language, "python");
	quote_json(key, quoted, sizeof quoted);
	if (!is_name(key))
		inspection_report(in, in->invalid, place, key,
			"%s cannot be the name of a variable: letters, digits and _, and "
			"neither a digit nor __ at the beginning",
			quoted);
	else if ((python && word_is_one(python_words, key)) ||
		 (json_string_is(language, "js") && word_is_one(js_words, key)))
		inspection_report(in, in->invalid, place, key,
			"%s is a reserved word of %s and cannot be the name of a "
			"variable; choose another",
			quoted, python ? "Python" : "JavaScript");
}

void script_check(struct inspection *in, struct json script, const struct spot *place)
{
	struct spot list = {.up = place, .key = JSON_LITERAL("\"arguments\"")};
	struct spot below = {.up = &list};
	struct json names = json_get(script, "arguments"), value;
	if (!in->function || json_type(names) != JSON_OBJECT)
		return;
	struct json_iter it = json_iter(names);
	while (json_next_member(&it, &below.key, &value))
		check_name(in, below.key, json_get(script, "language"), &below);
}
