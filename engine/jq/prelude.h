/*
 * Definitions of jq that come before every expression. They put checks before what
 * crashes libjq 1.6 or allocates without bounds inside one builtin; only those that an
 * expression uses are compiled in. Their own names begin with _stepwell: names with _ are
 * refused in expressions. For vm.c only.
 */
#ifndef STEPWELL_JQ_PRELUDE_H
#define STEPWELL_JQ_PRELUDE_H

/* "x" * 1e9 */
#define PRELUDE_TIMES                                                                  \
	"def _stepwell_times(a; b): a * b;\n"                                          \
	"def _stepwell_size($a; $b): ($a | type) + ($b | type)\n"                      \
	"  | if . == \"stringnumber\" then _stepwell_times($a | utf8bytelength; $b)\n" \
	"  elif . == \"numberstring\" then _stepwell_times($b | utf8bytelength; $a)\n" \
	"  else 0 end;\n"                                                              \
	"def _multiply(a; b): b as $b | a as $a\n"                                     \
	"  | if _stepwell_size($a; $b) > 16777216\n"                                   \
	"  then error(\"Repeated string is too long\")\n"                              \
	"  else _stepwell_times($a; $b) end;\n"

/* -9223372036854775808 % -1 divides by -1 and traps; the sign of b means nothing. */
#define PRELUDE_MOD                                                        \
	"def _stepwell_mod(a; b): a % b;\n"                                \
	"def _stepwell_abs: if type == \"number\" then fabs else . end;\n" \
	"def _mod(a; b): _stepwell_mod(a; b | _stepwell_abs);\n"

/* .[1e9] = 1, del(.[nan]) */
#define PRELUDE_PATHS                                                             \
	"def _stepwell_wild: if type == \"number\" then isnan or . > 16777215\n"  \
	"  elif type == \"object\" then any(.start, .end | numbers; isnan)\n"     \
	"  else false end;\n"                                                     \
	"def _stepwell_tame: if type == \"array\" and any(.[]; _stepwell_wild)\n" \
	"  then error(\"Array index out of range\") else . end;\n"                \
	"def _stepwell_at(p): path(p) as $p | getpath($p | _stepwell_tame);\n"    \
	"def _stepwell_set(p; v): setpath(p; v);\n"                               \
	"def setpath(p; v): _stepwell_set(p | _stepwell_tame; v);\n"              \
	"def _stepwell_del(p): delpaths(p);\n"                                    \
	"def _stepwell_tame_all:\n"                                               \
	"  if type == \"array\" then map(_stepwell_tame) else . end;\n"           \
	"def delpaths(p): _stepwell_del(p | _stepwell_tame_all);\n"               \
	"def del(f): delpaths([path(f)]);\n"                                      \
	"def _stepwell_assign(p; v): p = v;\n"                                    \
	"def _assign(p; v): _stepwell_assign(_stepwell_at(p); v);\n"              \
	"def _stepwell_modify(p; u): p |= u;\n"                                   \
	"def _modify(p; u): _stepwell_modify(_stepwell_at(p); u);\n"

/* "abc" | index("") */
#define PRELUDE_INDICES                                                     \
	"def _stepwell_indices($i): indices($i);\n"                         \
	"def indices($i): if type == \"string\" and $i == \"\" then null\n" \
	"  else _stepwell_indices($i) end;\n"                               \
	"def index($i): indices($i) | .[0];\n"                              \
	"def rindex($i): indices($i) | .[-1:][0];\n"

/* "\xc3\xa9" | scan("[0-9]*"): after an empty match 1.6 goes on within the character.
 * Where that can be, empty matches are left out, or refused if the pattern matches
 * nothing. */
#define PRELUDE_MATCHES                                                                \
	"def _stepwell_match(re; mode): match(re; mode);\n"                            \
	"def _stepwell_flags($re; $mode):\n"                                           \
	"  if ($mode | type) != \"string\" or ($mode | contains(\"g\") | not)\n"       \
	"    or type != \"string\" or utf8bytelength == length then $mode\n"           \
	"  elif ($mode | contains(\"n\") | not) and (\"\" | test($re; $mode))\n"       \
	"  then error(\"a pattern that matches nothing cannot be matched globally in " \
	"\"\n"                                                                         \
	"    + \"text that is not ASCII\")\n"                                          \
	"  else $mode + \"n\" end;\n"                                                  \
	"def match($re; $mode):\n"                                                     \
	"  _stepwell_match($re; _stepwell_flags($re; $mode));\n"                       \
	"def _stepwell_pair: if type == \"string\" then [., null]\n"                   \
	"  elif type == \"array\" and length > 0 then .\n"                             \
	"  else error(type + \" not a string or array\") end;\n"                       \
	"def match($val): ($val | _stepwell_pair) as $p | match($p[0]; $p[1]);\n"      \
	"def capture(re; mods): match(re; mods)\n"                                     \
	"  | [.captures[] | select(.name != null) | {(.name): .string}] | add + {};\n" \
	"def capture($val): ($val | _stepwell_pair) as $p | capture($p[0]; $p[1]);\n"  \
	"def scan(re): match(re; \"g\") | if .captures | length > 0\n"                 \
	"  then [.captures[].string] else .string end;\n"                              \
	"def splits($re; flags): . as $s\n"                                            \
	"  | [0, (match($re; \"g\" + flags) | .offset, .offset + .length),\n"          \
	"     ($s | length)]\n"                                                        \
	"  | range(0; length; 2) as $i | $s[.[$i]:.[$i + 1]];\n"                       \
	"def splits($re): splits($re; null);\n"                                        \
	"def split($re; flags): [splits($re; flags)];\n"

/* 0 | strftime(1), 1e300 | todate */
#define PRELUDE_DATES                                                  \
	"def _stepwell_format: if type == \"string\" then .\n"         \
	"  else error(\"strftime/1 requires a string format\") end;\n" \
	"def _stepwell_strftime(f): strftime(f);\n"                    \
	"def strftime(f): (f | _stepwell_format) as $f\n"              \
	"  | if type == \"number\" then gmtime else . end\n"           \
	"  | _stepwell_strftime($f);\n"                                \
	"def _stepwell_strflocaltime(f): strflocaltime(f);\n"          \
	"def strflocaltime(f): (f | _stepwell_format) as $f\n"         \
	"  | if type == \"number\" then localtime else . end\n"        \
	"  | _stepwell_strflocaltime($f);\n"                           \
	"def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\");\n"       \
	"def todate: todateiso8601;\n"

/* "nan" is a number to jq, and as the bound of a slice it aborts. */
#define PRELUDE_NAN                                                      \
	"def _stepwell_real: if type == \"number\" and isnan\n"          \
	"  then error(\"NaN is not a JSON number\") else . end;\n"       \
	"def _stepwell_tonumber: tonumber;\n"                            \
	"def tonumber: _stepwell_tonumber | _stepwell_real;\n"           \
	"def _stepwell_fromjson: fromjson;\n"                            \
	"def fromjson: if type == \"string\" and contains(\"nan\")\n"    \
	"  then _stepwell_fromjson | (.. | _stepwell_real | empty), .\n" \
	"  else _stepwell_fromjson end;\n"

#define PRELUDE                                                                 \
	PRELUDE_TIMES PRELUDE_MOD PRELUDE_PATHS PRELUDE_INDICES PRELUDE_MATCHES \
		PRELUDE_DATES PRELUDE_NAN

#endif
