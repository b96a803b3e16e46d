/* Sorted by strcmp, to be looked up by halving. */
#include "jq/builtin.h"

#include "base/buf.h"
#include "json/names.h"

#include <stdlib.h>
#include <string.h>

#define A0 1u
#define A1 2u
#define A2 4u
#define A3 8u
#define A4 16u

static const struct builtin {
	const char *name;
	unsigned arities;
} builtins[] = {{"IN", A1 | A2}, {"INDEX", A1 | A2}, {"JOIN", A2 | A3 | A4}, {"acos", A0},
	{"acosh", A0}, {"add", A0}, {"all", A0 | A1 | A2}, {"any", A0 | A1 | A2},
	{"arrays", A0}, {"ascii_downcase", A0}, {"ascii_upcase", A0}, {"asin", A0},
	{"asinh", A0}, {"atan", A0}, {"atan2", A2}, {"atanh", A0}, {"booleans", A0},
	{"bsearch", A1}, {"builtins", A0}, {"capture", A1 | A2}, {"cbrt", A0},
	{"ceil", A0}, {"combinations", A0 | A1}, {"contains", A1}, {"copysign", A2},
	{"cos", A0}, {"cosh", A0}, {"del", A1}, {"delpaths", A1}, {"empty", A0},
	{"endswith", A1}, {"erf", A0}, {"erfc", A0}, {"error", A0 | A1}, {"exp", A0},
	{"exp10", A0}, {"exp2", A0}, {"explode", A0}, {"expm1", A0}, {"fabs", A0},
	{"fdim", A2}, {"finites", A0}, {"first", A0 | A1}, {"flatten", A0 | A1},
	{"floor", A0}, {"fma", A3}, {"fmax", A2}, {"fmin", A2}, {"fmod", A2},
	{"format", A1}, {"frexp", A0}, {"from_entries", A0}, {"fromdate", A0},
	{"fromdateiso8601", A0}, {"fromjson", A0}, {"fromstream", A1}, {"getpath", A1},
	{"gmtime", A0}, {"group_by", A1}, {"gsub", A2 | A3}, {"has", A1}, {"hypot", A2},
	{"implode", A0}, {"in", A1}, {"index", A1}, {"indices", A1}, {"infinite", A0},
	{"inside", A1}, {"isempty", A1}, {"isfinite", A0}, {"isinfinite", A0},
	{"isnan", A0}, {"isnormal", A0}, {"iterables", A0}, {"j0", A0}, {"j1", A0},
	{"jn", A2}, {"join", A1}, {"keys", A0}, {"keys_unsorted", A0}, {"last", A0 | A1},
	{"ldexp", A2}, {"length", A0}, {"lgamma", A0}, {"limit", A2}, {"localtime", A0},
	{"log", A0}, {"log10", A0}, {"log1p", A0}, {"log2", A0}, {"logb", A0},
	{"ltrimstr", A1}, {"map", A1}, {"map_values", A1}, {"match", A1 | A2},
	{"max", A0}, {"max_by", A1}, {"min", A0}, {"min_by", A1}, {"mktime", A0},
	{"modf", A0}, {"nan", A0}, {"nearbyint", A0}, {"nextafter", A2},
	{"nexttoward", A2}, {"normals", A0}, {"not", A0}, {"now", A0}, {"nth", A1 | A2},
	{"nulls", A0}, {"numbers", A0}, {"objects", A0}, {"path", A1}, {"paths", A0 | A1},
	{"pow", A2}, {"range", A1 | A2 | A3}, {"recurse", A0 | A1 | A2},
	{"remainder", A2}, {"repeat", A1}, {"reverse", A0}, {"rindex", A1}, {"rint", A0},
	{"round", A0}, {"rtrimstr", A1}, {"scalars", A0}, {"scalb", A2}, {"scalbln", A2},
	{"scan", A1}, {"select", A1}, {"setpath", A2}, {"sin", A0}, {"sinh", A0},
	{"sort", A0}, {"sort_by", A1}, {"split", A1 | A2}, {"splits", A1 | A2},
	{"sqrt", A0}, {"startswith", A1}, {"strflocaltime", A1}, {"strftime", A1},
	{"strings", A0}, {"strptime", A1}, {"sub", A2 | A3}, {"tan", A0}, {"tanh", A0},
	{"test", A1 | A2}, {"tgamma", A0}, {"to_entries", A0}, {"todate", A0},
	{"todateiso8601", A0}, {"tojson", A0}, {"tonumber", A0}, {"tostream", A0},
	{"tostring", A0}, {"transpose", A0}, {"trunc", A0}, {"truncate_stream", A1},
	{"type", A0}, {"unique", A0}, {"unique_by", A1}, {"until", A2},
	{"utf8bytelength", A0}, {"values", A0}, {"walk", A1}, {"while", A2},
	{"with_entries", A1}, {"y0", A0}, {"y1", A0}, {"yn", A2}};

enum { COUNT = sizeof builtins / sizeof *builtins };

static int compare(const void *key, const void *item)
{
	return strcmp(key, ((const struct builtin *)item)->name);
}

unsigned jqbuiltin_arities(const char *name, size_t n)
{
	char *text = xstrndup(name, n);
	const struct builtin *b =
		bsearch(text, builtins, COUNT, sizeof *builtins, compare);
	free(text);
	return b ? b->arities : 0;
}

const char *jqbuiltin_nearest(const char *name, size_t n)
{
	char *text = xstrndup(name, n);
	const char *best = NULL;
	unsigned distance = 3;
	for (size_t i = 0; i < COUNT; i++) {
		unsigned d = word_distance(text, builtins[i].name);
		if (d < distance && d * 3 <= strlen(builtins[i].name)) {
			distance = d;
			best = builtins[i].name;
		}
	}
	free(text);
	return best;
}
