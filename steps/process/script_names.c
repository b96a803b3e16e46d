#include "process/script_names.h"

#include "json/json.h"

#include <string.h>

/* What the script may hide by a name, such as JSON, is taken before. A string of JSON is
 * one in both languages. */
static const char js[] =
	"const {argv, execArgv} = process, {entries, defineProperty} = Object;\n"
	"const {parse, stringify} = JSON;\n"
	"execArgv.length = 0;\n"
	"for (const [name, value] of entries(parse(%s))) {\n"
	"  defineProperty(globalThis, name,\n"
	"    {value, writable: true, enumerable: true, configurable: true});\n"
	"  if (value !== null && value !== false)\n"
	"    argv.push('--' + name + (value === true ? '' :\n"
	"      '=' + (typeof value === 'string' ? value : stringify(value))));\n"
	"}\n";

static const char python[] =
	"def begin(text):\n"
	"    import json, sys\n"
	"    main, file = sys.modules['__main__'], sys.argv[1]\n"
	"    names = json.loads(text)\n"
	"    sys.argv[:] = [file]\n"
	"    for name, value in names.items():\n"
	"        if value is True:\n"
	"            sys.argv.append('--' + name)\n"
	"        elif value is not None and value is not False:\n"
	"            shown = value if isinstance(value, str) else json.dumps(value)\n"
	"            sys.argv.append('--%%s=%%s' %% (name, shown))\n"
	"    with open(file, 'rb') as source:\n"
	"        code = compile(source.read(), file, 'exec', dont_inherit=True)\n"
	"    del main.begin\n"
	"    main.__file__ = file\n"
	"    main.__dict__.update(names)\n"
	"    exec(code, main.__dict__)\n"
	"\n"
	"\n"
	"begin(%s)\n";

void script_names_js(const char *names, struct buf *out)
{
	struct buf string = {0};
	json_put_text(&string, names);
	buf_printf(out, js, buf_text(&string));
	buf_finish(&string);
}

void script_names_python(const char *names, struct buf *out)
{
	struct buf string = {0};
	json_put_text(&string, names);
	buf_printf(out, python, buf_text(&string));
	buf_finish(&string);
}
