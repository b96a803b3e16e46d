/* JSON values of options are read, and checked as everything from outside. */
#include "json_argument.h"

#include "definition_file.h"

#include <stdlib.h>
#include <string.h>

bool json_file_read(const char *path, const char *option, char **ret, size_t *ret_n,
	struct error *err)
{
	struct buf json = {0};
	struct yaml_map places;
	char *text;
	size_t n;
	if (!file_read(path, JSON_BYTES_DEFAULT, &text, &n, err))
		return false;
	if (!file_is_yaml(path)) {
		*ret = text;
		*ret_n = n;
		return true;
	}
	bool ok = yaml_to_json(text, n, &json, &places, err);
	yaml_map_finish(&places);
	free(text);
	if (!ok) {
		buf_finish(&json);
		return option ? error_prefix(err, "%s", option) : false;
	}
	*ret_n = json.len;
	*ret = buf_take(&json);
	return true;
}

bool json_argument_read(
	const char *given, const char *option, char **ret, struct error *err)
{
	struct json checked;
	char *text;
	size_t n;
	if (given[0] == '@' || strcmp(given, "-") == 0) {
		if (!json_file_read(given + (given[0] == '@'), option, &text, &n, err))
			return false;
	} else {
		text = xstrdup(given);
		n = strlen(text);
	}
	if (!json_check(text, n, NULL, &checked, NULL, err)) {
		free(text);
		return error_prefix(err, "%s", option);
	}
	*ret = xstrndup(checked.s, checked.n);
	free(text);
	return true;
}
