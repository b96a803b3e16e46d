/* YAML becomes JSON that the scanner accepts, and each place of it has one in the YAML.
 */
#include "fuzz.h"

#include "yaml/yaml.h"

#include <stdlib.h>

void fuzz_yaml(const char *data, size_t n)
{
	struct fuzz_parts in = {data, data + n};
	struct buf json = {0};
	struct yaml_map map;
	struct error err = {0};
	unsigned line = 0, column = 0;
	char *text = xmalloc(n ? n : 1);
	for (size_t i = 0; i < n; i++)
		text[i] = in.p[i];
	if (yaml_to_json(text, n, &json, &map, &err)) {
		fuzz_must_be_json(json.data, json.len, "JSON of YAML");
		for (size_t i = 0; i < json.len; i += 7) {
			yaml_map_position(&map, i, &line, &column);
			must(line > 0 && column > 0, "byte %zu: line %u, column %u", i,
				line, column);
		}
	} else {
		must(err.kind == ERROR_INPUT && json.len == 0, "%s", err.text);
	}
	yaml_map_finish(&map);
	buf_finish(&json);
	free(text);
}
