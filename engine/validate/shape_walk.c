/*
 * Objects, arrays and choices against their shape. The walk goes on after a finding, so
 * that all are seen at once. Depth is bounded by json_check's limit.
 */
#include "validate/shape_walk.h"

#include <assert.h>
#include <string.h>

static bool was_seen(const struct shape *shape, uint64_t seen, const char *name)
{
	const struct member *tables[] = {shape->members, shape->more};
	unsigned n = 0;
	for (size_t t = 0; t < 2; t++) {
		for (const struct member *m = tables[t]; m && m->name; m++, n++) {
			if (strcmp(m->name, name) == 0)
				return (seen >> n) & 1;
		}
	}
	return false;
}

/* Objects. */

/* Whether this is a task with a request: then what shapes its input is part of it. */
static bool sends_request(const struct shape *shape)
{
	if (shape->rule != RULE_TASK)
		return false;
	for (const struct member *m = shape->members; m->name; m++) {
		if (m->request)
			return true;
	}
	return false;
}

static bool takes_secret_input(const struct shape *shape)
{
	for (const struct member *m = shape->members; m && m->name; m++) {
		if (m->secret_input)
			return true;
	}
	return false;
}

static bool begins_steps(const struct shape *shape)
{
	return shape->rule == RULE_TASK || shape == &schema_workflow;
}

static void walk_member(struct inspection *in, const struct shape *shape,
	const struct member *m, struct json v, const struct spot *place)
{
	bool request = in->in_request, run = in->in_run;
	bool secrets = in->secrets, secret_input = in->in_secret_input;
	bool is_input = strcmp(m->name, "input") == 0;
	if (begins_steps(shape))
		in->steps->member = m->name;
	if (m->not_yet)
		inspection_report(in, FINDING_UNSUPPORTED, place, place->key,
			"%s is not supported by this runtime yet", m->not_yet);
	if (m->request || (is_input && sends_request(shape)))
		in->in_request = true;
	if (m->secrets || (secret_input && strcmp(m->name, "from") == 0))
		in->secrets = true;
	in->in_secret_input = is_input && takes_secret_input(shape);
	if (m->request && strcmp(m->name, "run") == 0)
		in->in_run = true;
	shape_walk(in, m->shape, v, place);
	in->in_request = request;
	in->in_run = run;
	in->secrets = secrets;
	in->in_secret_input = secret_input;
}

static void check_required(struct inspection *in, const struct shape *shape,
	uint64_t seen, struct json v, const struct spot *place)
{
	const struct member *tables[] = {shape->members, shape->more};
	for (size_t t = 0; t < 2; t++) {
		for (const struct member *m = tables[t]; m && m->name; m++) {
			bool there = was_seen(shape, seen, m->name);
			if (m->required && !there)
				inspection_report(in,
					m->ours ? FINDING_UNSUPPORTED : in->invalid,
					place, v, "member \"%s\" is missing", m->name);
			if (there && m->needs && !was_seen(shape, seen, m->needs))
				inspection_report(in, in->invalid, place, v,
					"\"%s\" goes with \"%s\", which is missing",
					m->name, m->needs);
		}
	}
}

static void report_one_of(struct inspection *in, const char *const *words,
	const char *start, struct json v, const struct spot *place)
{
	struct buf list = {0};
	word_put_all(words, &list);
	inspection_report(in, in->invalid, place, v, "%s %s", start, buf_text(&list));
	buf_finish(&list);
}

static void check_one_of(struct inspection *in, const struct shape *shape,
	const char *const *words, uint64_t seen, struct json v, const struct spot *place)
{
	unsigned n = 0;
	for (size_t i = 0; words && words[i]; i++)
		n += was_seen(shape, seen, words[i]);
	if (words && n == 0)
		report_one_of(in, words, "needs one member of", v, place);
	if (words && n > 1)
		report_one_of(in, words, "takes only one member of", v, place);
}

static void check_count(struct inspection *in, const struct shape *shape, size_t count,
	struct json v, const struct spot *place)
{
	const char *unit = shape->type == SHAPE_ARRAY ? "element" : "member";
	if (shape->max_count && count > shape->max_count)
		inspection_report(in, in->invalid, place, v,
			"must be %s; here are %zu: give each an element of its own",
			shape->what, count);
	else if (shape->max_count && count < shape->min_count)
		inspection_report(in, in->invalid, place, v, "must be %s, and is empty",
			shape->what);
	else if (count < shape->min_count)
		inspection_report(in, in->invalid, place, v,
			"must have at least %zu %s%s", shape->min_count, unit,
			shape->min_count > 1 ? "s" : "");
}

/* A container's `after` belongs to cleanup "eventually", and to nothing else. */
static void check_lifetime(struct inspection *in, struct json v, const struct spot *place)
{
	struct json cleanup = json_get(v, "cleanup"), after = json_get(v, "after");
	if (json_type(cleanup) != JSON_STRING)
		return;
	bool eventually = json_string_is(cleanup, "eventually");
	if (eventually && !after.s)
		inspection_report(in, in->invalid, place, v,
			"member \"after\" is missing: cleanup is \"eventually\"");
	if (!eventually && after.s)
		inspection_report(in, in->invalid, place, v,
			"\"after\" goes with cleanup \"eventually\" only");
}

static uint64_t walk_members(struct inspection *in, const struct shape *shape,
	struct json v, const struct spot *place, size_t *ret_count)
{
	struct spot below = {.up = place};
	struct json_iter it = json_iter(v);
	struct json value;
	uint64_t seen = 0, bit;
	*ret_count = 0;
	for (; json_next_member(&it, &below.key, &value); ++*ret_count) {
		const struct member *m = shape_member(shape, below.key, &bit);
		if (m) {
			seen |= bit;
			walk_member(in, shape, m, value, &below);
		} else if (shape->of) {
			shape_walk(in, shape->of, value, &below);
		} else {
			shape_report_unknown(in, shape, below.key, &below);
		}
	}
	return seen;
}

/*
 * An open object whose alternatives exclude each other: the schema counts those that are
 * valid, and forgives the others. Where several are there, each is tried on its own
 * first.
 */
static bool forgive_invalid(struct inspection *in, const struct shape *shape,
	struct json v, const struct spot *place)
{
	struct spot below = {.up = place};
	struct json_iter it = json_iter(v);
	struct json value, valid = {0};
	struct spot where = {0};
	unsigned present = 0, fitting = 0;
	uint64_t bit;
	while (json_next_member(&it, &below.key, &value)) {
		const struct member *m = shape_member(shape, below.key, &bit);
		if (!m)
			continue;
		struct inspection_mark mark = inspection_mark(in);
		walk_member(in, shape, m, value, &below);
		bool fits = in->errors == mark.errors;
		inspection_rewind(in, mark);
		present++;
		fitting += fits;
		if (fits) {
			where = below;
			valid = value;
		}
	}
	if (present < 2 || fitting != 1)
		return false;
	walk_member(in, shape, shape_member(shape, where.key, &bit), valid, &where);
	inspection_report(in, FINDING_WARNING, place, v,
		"of the alternatives here only the valid one has an effect");
	return true;
}

/* The member that should stand one level further in, because the object is what its only
 * member should hold; absent if the object is no such thing. */
static struct json find_nameless(const struct shape *shape, struct json v)
{
	struct json_iter it = json_iter(v);
	struct json key, value, found = {0}, inside = {0};
	size_t count = 0;
	for (; json_next_member(&it, &key, &value); count++) {
		if (!found.s && word_is_one(shape->words, key)) {
			found = key;
			inside = value;
		}
	}
	it = json_iter(inside);
	while (found.s && count == 1 && json_next_member(&it, &key, &value)) {
		if (word_is_one(shape->words, key))
			return (struct json){0};
	}
	return found;
}

/* An element of a list, as it should be: one member, a name. */
static bool walk_named(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	struct spot below = {.up = place};
	struct json_iter it = json_iter(v);
	struct json value;
	if (!json_next_member(&it, &below.key, &value) || it.p ||
		word_is_one(shape->words, below.key))
		return false;
	struct around around = {in->around, shape};
	in->around = &around;
	shape_walk(in, shape->of, value, &below);
	in->around = around.up;
	return true;
}

/* An element of a list whose name was forgotten is judged as what it would name. */
static bool walk_nameless(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	struct json key = find_nameless(shape, v);
	if (!key.s)
		return false;
	inspection_report(in, in->invalid, place, v,
		"the name is missing: this is written {\"NAME\": {%.*s: ...}}",
		(int)key.n, key.s);
	shape_walk(in, shape->of, v, place);
	return true;
}

/* What a workflow gives is its output, or nothing of it. */
static void check_run(struct inspection *in, struct json v, const struct spot *place)
{
	struct spot at = {.up = place, .key = JSON_LITERAL("\"return\"")};
	struct json ret = json_get(v, "return");
	if (json_get(v, "workflow").s && json_type(ret) == JSON_STRING &&
		!json_string_is(ret, "stdout") && !json_string_is(ret, "none"))
		inspection_report(in, FINDING_UNSUPPORTED, &at, ret,
			"a workflow has no streams and no exit code: it returns "
			"\"stdout\", which is its output, or \"none\"");
}

static void check_members(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	size_t count, errors = in->errors + in->unsupported;
	uint64_t seen = walk_members(in, shape, v, place, &count);
	check_required(in, shape, seen, v, place);
	check_one_of(in, shape, shape->one_of, seen, v, place);
	check_one_of(in, shape, shape->one_of_too, seen, v, place);
	if (shape->min_count)
		check_count(in, shape, count, v, place);
	if (shape->rule == RULE_RUN) {
		check_run(in, v, place);
		futile_check_run(in, v, place);
	}
	if (shape->rule == RULE_TIMEOUT)
		futile_check_timeout(in, v, place);
	if (shape->rule == RULE_STRATEGY)
		futile_check_strategy(in, v, place);
	if (shape->rule == RULE_METADATA)
		futile_check_document(in, v, place);
	if (shape->rule == RULE_LIFETIME)
		check_lifetime(in, v, place);
	if (shape->rule == RULE_DURATION && in->errors + in->unsupported == errors)
		shape_check_duration(in, v, place);
	if (shape->rule == RULE_SQL && in->errors + in->unsupported == errors)
		shape_check_sql(in, v, place);
	if (shape->rule == RULE_SCHEMA)
		data_check(in, v, place);
	if (shape->rule == RULE_SCRIPT)
		script_check(in, v, place);
	if (shape->rule == RULE_EMITTED || shape->rule == RULE_AWAITED)
		habit_check_event(in, v, place, shape->rule == RULE_AWAITED);
	if (shape->rule == RULE_TASK) {
		secret_check_task(in, v, place);
		habit_check_try(in, v, place);
		futile_check_task(in, v, place);
	}
}

/* A task stands in a list, but for a function. */
static void check_object(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	struct step_scope own = {.up = in->steps, .task = v}, *around = in->steps;
	bool listed = around && around->list.s && !around->task.s;
	if (begins_steps(shape) && !listed)
		in->steps = &own;
	if (begins_steps(shape))
		in->steps->task = v;
	check_members(in, shape, v, place);
	in->steps = around;
}

static void walk_object(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	if (json_type(v) != JSON_OBJECT) {
		shape_report_type(in, shape, v, place);
		return;
	}
	if (shape->words &&
		(walk_named(in, shape, v, place) || walk_nameless(in, shape, v, place)))
		return;
	if (shape->rule == RULE_ONE_VALID && forgive_invalid(in, shape, v, place))
		return;
	enum finding_class invalid = in->invalid;
	struct around around = {in->around, shape};
	if (shape->ours)
		in->invalid = FINDING_UNSUPPORTED;
	in->around = &around;
	check_object(in, shape, v, place);
	in->around = around.up;
	in->invalid = invalid;
}

static void walk_array(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	if (json_type(v) != JSON_ARRAY) {
		shape_report_type(in, shape, v, place);
		return;
	}
	struct spot below = {.up = place};
	struct json_iter it = json_iter(v);
	struct json value;
	struct step_scope steps = {
		.up = in->steps, .list = v, .branches = shape->rule == RULE_BRANCHES};
	bool tasks = shape->rule == RULE_TASK_LIST || shape->rule == RULE_BRANCHES;
	if (tasks)
		in->steps = &steps;
	for (; json_next_element(&it, &value); below.index++) {
		steps.at = below.index;
		steps.task = (struct json){0};
		shape_walk(in, shape->of, value, &below);
	}
	in->steps = steps.up;
	step_scope_finish(&steps);
	if (shape->min_count)
		check_count(in, shape, below.index, v, place);
	if (shape->rule == RULE_TASK_LIST)
		flow_check(in, v, place);
	if (shape->rule == RULE_BRANCHES)
		branches_check(in, v, place);
}

/* Choices. */

static bool choice_fits(const struct choice *choice, struct json key, struct json value)
{
	return choice->key && json_string_is(key, choice->key) &&
	       (!choice->value || json_string_is(value, choice->value));
}

/* The first choice that fits, whatever the order of the members; NULL if none does. */
static const struct choice *choose(const struct shape *shape, struct json v)
{
	const struct choice *best = NULL;
	enum json_type type = json_type(v);
	for (const struct choice *c = shape->choices; c->type != JSON_NONE && !best;
		c++) {
		if (c->type == type && !c->key)
			best = c;
	}
	if (type != JSON_OBJECT)
		return best;
	struct json_iter it = json_iter(v);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		for (const struct choice *c = shape->choices; c->type != JSON_NONE; c++) {
			if (c == best)
				break;
			if (choice_fits(c, key, value))
				best = c;
		}
	}
	return best;
}

/* What the keywords of other languages are called here; or NULL. */
static const char *keyword_meant(struct json key)
{
	static const char *const words[][2] = {{"sleep", "wait"}, {"delay", "wait"},
		{"http", "call\": \"http"}, {"sql", "call\": \"sql"},
		{"openapi", "call\": \"openapi"}, {"function", "call"},
		{"shell", "run\": {\"shell"}, {"script", "run\": {\"script"},
		{"container", "run\": {\"container"}, {"workflow", "run\": {\"workflow"},
		{"foreach", "for"}, {"forEach", "for"}, {"loop", "for"},
		{"parallel", "fork"}, {"branches", "fork\": {\"branches"},
		{"assign", "set"}, {"variables", "set"}, {"case", "switch"},
		{"throw", "raise"}, {"error", "raise\": {\"error"}, {"publish", "emit"},
		{"event", "emit\": {\"event"}, {"subscribe", "listen"}, {"steps", "do"},
		{"tasks", "do"}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (json_string_is(key, words[i][0]))
			return words[i][1];
	}
	return word_nearest(schema_task_keywords, key);
}

/* A task without a keyword: perhaps it has another name here, or is only misspelt. */
static void report_keyword(struct inspection *in, const struct shape *shape,
	struct json v, const struct spot *place)
{
	const struct shape base = {.type = SHAPE_OBJECT, .members = schema_task_base};
	struct spot below = {.up = place};
	struct json_iter it = json_iter(v);
	struct json value, unknown = {0};
	char quoted[QUOTE_SIZE];
	while (json_next_member(&it, &below.key, &value)) {
		const char *meant = keyword_meant(below.key);
		if (shape_member(&base, below.key, NULL))
			continue;
		unknown = unknown.s ? unknown : below.key;
		if (!meant)
			continue;
		inspection_report(in, in->invalid, &below, below.key,
			"unknown task keyword %s; did you mean \"%s\"?",
			quote_json(below.key, quoted, sizeof quoted), meant);
		return;
	}
	inspection_report(in, in->invalid, place, v, "must be %s%s%s", shape->what,
		unknown.s ? "; here is " : "",
		unknown.s ? quote_json(unknown, quoted, sizeof quoted) : "");
}

static void walk_choice(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	const struct choice *choice = choose(shape, v);
	bool refused = shape->rule == RULE_BY_ITSELF && !in->function &&
		       json_type(v) == JSON_OBJECT;
	if (choice && !refused)
		shape_walk(in, choice->shape, v, place);
	else if (shape->rule == RULE_TASK && json_type(v) == JSON_OBJECT)
		report_keyword(in, shape, v, place);
	else
		shape_report_type(in, shape, v, place);
}

void shape_walk(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	switch (shape->type) {
	case SHAPE_ANY: mention_check(in, v, place, false); break;
	case SHAPE_FREE: break;
	case SHAPE_STRING: shape_string(in, shape, v, place); break;
	case SHAPE_INTEGER: shape_integer(in, shape, v, place); break;
	case SHAPE_BOOLEAN:
		if (json_type(v) != JSON_TRUE && json_type(v) != JSON_FALSE)
			shape_report_type(in, shape, v, place);
		break;
	case SHAPE_ARRAY: walk_array(in, shape, v, place); break;
	case SHAPE_OBJECT: walk_object(in, shape, v, place); break;
	case SHAPE_CHOICE: walk_choice(in, shape, v, place); break;
	}
}
