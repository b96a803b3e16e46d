/*
 * Definitions of jq that come before every expression. They put checks before what crashes
 * libjq 1.6 or allocates without bounds inside one builtin; only those that an expression
 * uses are compiled in. Their names begin with _stepwell: names with _ are refused in
 * expressions. Included by jqvm.c only.
 */
#ifndef STEPWELL_JQVM_PRELUDE_H
#define STEPWELL_JQVM_PRELUDE_H

/* "x" * 1e9 */
#define PRELUDE_TIMES \
	"def _stepwell_times(a; b): a * b;\n" \
	"def _multiply(a; b): b as $b | a as $a | ($a | type) as $s | ($b | type) as $t |\n" \
	"  if $s + $t == \"stringnumber\" then _stepwell_times($a | utf8bytelength; $b)\n" \
	"  elif $s + $t == \"numberstring\" then _stepwell_times($b | utf8bytelength; $a)\n" \
	"  else 0 end | if . > 16777216 then error(\"Repeated string is too long\")\n" \
	"  else _stepwell_times($a; $b) end;\n"

/* -9223372036854775808 % -1 divides by -1 and traps; the sign of b means nothing. */
#define PRELUDE_MOD \
	"def _stepwell_mod(a; b): a % b;\n" \
	"def _mod(a; b): _stepwell_mod(a; b | if type == \"number\" then fabs else . end);\n"

/* .[1e9] = 1, .[nan:] = [], del(.[nan]) */
#define PRELUDE_PATHS \
	"def _stepwell_wild: if type == \"number\" then isnan or . > 16777215\n" \
	"  elif type == \"object\" then any(.start, .end | numbers; isnan) else false end;\n" \
	"def _stepwell_tame: if type == \"array\" and any(.[]; _stepwell_wild)\n" \
	"  then error(\"Array index out of range\") else . end;\n" \
	"def _stepwell_at(p): path(p) as $p | getpath($p | _stepwell_tame);\n" \
	"def _stepwell_set(p; v): setpath(p; v);\n" \
	"def setpath(p; v): _stepwell_set(p | _stepwell_tame; v);\n" \
	"def _stepwell_del(p): delpaths(p);\n" \
	"def delpaths(p): _stepwell_del(p | if type == \"array\" then map(_stepwell_tame)\n" \
	"  else . end);\n" \
	"def del(f): delpaths([path(f)]);\n" \
	"def _stepwell_assign(p; v): p = v;\n" \
	"def _assign(p; v): _stepwell_assign(_stepwell_at(p); v);\n" \
	"def _stepwell_modify(p; u): p |= u;\n" \
	"def _modify(p; u): _stepwell_modify(_stepwell_at(p); u);\n"

/* "abc" | index("") */
#define PRELUDE_INDICES \
	"def _stepwell_indices($i): indices($i);\n" \
	"def indices($i): if type == \"string\" and $i == \"\" then null\n" \
	"  else _stepwell_indices($i) end;\n" \
	"def index($i): indices($i) | .[0];\n" \
	"def rindex($i): indices($i) | .[-1:][0];\n"

/* 0 | strftime(1), 1e300 | todate */
#define PRELUDE_DATES \
	"def _stepwell_strftime(f): strftime(f);\n" \
	"def strftime(f): f as $f | if $f | type != \"string\"\n" \
	"  then error(\"strftime/1 requires a string format\")\n" \
	"  elif type == \"number\" then gmtime else . end | _stepwell_strftime($f);\n" \
	"def _stepwell_strflocaltime(f): strflocaltime(f);\n" \
	"def strflocaltime(f): f as $f | if $f | type != \"string\"\n" \
	"  then error(\"strflocaltime/1 requires a string format\")\n" \
	"  elif type == \"number\" then localtime else . end | _stepwell_strflocaltime($f);\n" \
	"def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\");\n" \
	"def todate: todateiso8601;\n"

#define PRELUDE PRELUDE_TIMES PRELUDE_MOD PRELUDE_PATHS PRELUDE_INDICES PRELUDE_DATES

#endif
