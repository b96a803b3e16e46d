/* Keywords about a value as a whole, numbers and strings. */
#include "json_schema/canonical.h"
#include "json_schema/format.h"
#include "json_schema/frame.h"
#include "json_schema/number.h"
#include "json_schema/rule.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned types;
} types[] = {
	{"array", JSON_SCHEMA_TYPE(JSON_ARRAY)},
	{"boolean", JSON_SCHEMA_TYPE(JSON_FALSE) | JSON_SCHEMA_TYPE(JSON_TRUE)},
	{"integer", JSON_SCHEMA_INTEGER},
	{"null", JSON_SCHEMA_TYPE(JSON_NULL)},
	{"number", JSON_SCHEMA_TYPE(JSON_NUMBER)},
	{"object", JSON_SCHEMA_TYPE(JSON_OBJECT)},
	{"string", JSON_SCHEMA_TYPE(JSON_STRING)},
};

/* type */

static bool add_type(struct json_schema_rule *rule, struct json name, struct error *err)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (json_string_is(name, types[i].name)) {
			rule->types |= types[i].types;
			return true;
		}
	}
	return json_schema_rule_fail(rule, err,
		"array, boolean, integer, null, number, object, string, or an array of "
		"these");
}

static bool compile_type(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	if (json_type(rule->value) != JSON_ARRAY)
		return add_type(rule, rule->value, err);
	struct json_iter it = json_iter(rule->value);
	struct json name;
	while (json_next_element(&it, &name)) {
		if (!add_type(rule, name, err))
			return false;
	}
	return true;
}

static void put_types(struct buf *out, unsigned bits)
{
	const char *between = "";
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (bits & types[i].types) {
			buf_printf(out, "%s%s", between, types[i].name);
			between = " or ";
		}
	}
}

static bool check_type(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	if (rule->types & JSON_SCHEMA_TYPE(f->instance->type))
		return true;
	if ((rule->types & JSON_SCHEMA_INTEGER) && f->instance->type == JSON_NUMBER) {
		struct json_schema_number n = json_schema_number(f->instance->text);
		if (json_schema_number_is_integer(&n))
			return true;
	}
	struct buf wanted = {0};
	put_types(&wanted, rule->types);
	json_schema_frame_fail(f, "%s is not %s",
		json_schema_frame_show(f->instance->text).text, buf_text(&wanted));
	buf_finish(&wanted);
	return false;
}

/* enum and const: a branch a value, named by its canonical text. */

static void add_value(struct json_schema_rule *rule, struct json value)
{
	struct buf text = {0};
	struct json_schema_branch *branch = json_schema_rule_grow(rule);
	json_schema_canonical(value, &text);
	branch->name.raw = value;
	branch->name.n = text.len;
	branch->name.text = buf_take(&text);
	rule->types |= JSON_SCHEMA_TYPE(json_type(value));
}

static bool compile_const(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	(void)err;
	add_value(rule, rule->value);
	return true;
}

static bool compile_enum(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	struct json_iter it = json_iter(rule->value);
	struct json value;
	if (json_type(rule->value) != JSON_ARRAY)
		return json_schema_rule_fail(rule, err, "an array");
	while (json_next_element(&it, &value))
		add_value(rule, value);
	return true;
}

static bool is_one_of(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	if (!(rule->types & JSON_SCHEMA_TYPE(f->instance->type)))
		return false;
	if (!json_schema_frame_spend(f, f->instance->text.n / 8 + rule->nbranches))
		return false;
	struct buf text = {0};
	json_schema_canonical(f->instance->text, &text);
	bool found = false;
	for (size_t i = 0; i < rule->nbranches && !found; i++)
		found = rule->branches[i].name.n == text.len &&
			memcmp(rule->branches[i].name.text, text.data, text.len) == 0;
	buf_finish(&text);
	return found;
}

static bool check_enum(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	if (is_one_of(f, rule))
		return true;
	struct json_schema_shown is = json_schema_frame_show(f->instance->text);
	if (rule->nbranches == 1)
		return json_schema_frame_fail(f, "%s is not %s", is.text,
			json_schema_frame_show(rule->branches[0].name.raw).text);
	return json_schema_frame_fail(
		f, "%s is none of the %zu values", is.text, rule->nbranches);
}

/* Numbers. */

static bool compile_multiple(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	if (!json_schema_rule_number(l, rule, err))
		return false;
	struct json_schema_number n = json_schema_number(rule->value);
	if (n.count == 0 || n.negative)
		return json_schema_rule_fail(rule, err, "above 0");
	if (n.count > JSON_SCHEMA_NUMBER_DIVISOR)
		return json_schema_rule_fail(rule, err, "of 300 digits or fewer");
	return true;
}

static bool check_multiple(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	struct json_schema_number a = json_schema_number(f->instance->text);
	struct json_schema_number b = json_schema_number(rule->value);
	if (!json_schema_frame_spend(f, (a.count + 4 * b.count) * (1 + b.count / 9)))
		return false;
	return json_schema_number_is_multiple(&a, &b) ||
	       json_schema_frame_fail(f, "%s is not a multiple of %s",
		       json_schema_frame_show(f->instance->text).text,
		       json_schema_frame_show(rule->value).text);
}

/* Below, equal or above the limit, as for strcmp. */
static int compare_to_limit(
	const struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	struct json_schema_number a = json_schema_number(f->instance->text);
	struct json_schema_number b = json_schema_number(rule->value);
	return json_schema_number_compare(&a, &b);
}

static bool fail_limit(struct json_schema_frame *f, const struct json_schema_rule *rule,
	const char *relation)
{
	return json_schema_frame_fail(f, "%s is %s %s",
		json_schema_frame_show(f->instance->text).text, relation,
		json_schema_frame_show(rule->value).text);
}

static bool check_maximum(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	return compare_to_limit(f, rule) <= 0 || fail_limit(f, rule, "above");
}

static bool check_exclusive_maximum(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	return compare_to_limit(f, rule) < 0 || fail_limit(f, rule, "not below");
}

static bool check_minimum(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	return compare_to_limit(f, rule) >= 0 || fail_limit(f, rule, "below");
}

static bool check_exclusive_minimum(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	return compare_to_limit(f, rule) > 0 || fail_limit(f, rule, "not above");
}

/* Strings. */

static size_t count_code_points(struct json string)
{
	struct json_schema_name text;
	json_schema_name_init(&text, string);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.text[i] & 0xC0) != 0x80;
	json_schema_name_finish(&text);
	return n;
}

static bool check_max_length(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = count_code_points(f->instance->text);
	return n <= rule->size ||
	       json_schema_frame_fail(
		       f, "%zu characters are more than %zu", n, rule->size);
}

static bool check_min_length(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = count_code_points(f->instance->text);
	return n >= rule->size ||
	       json_schema_frame_fail(
		       f, "%zu characters are fewer than %zu", n, rule->size);
}

static bool check_pattern(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	struct json_schema_name text;
	json_schema_name_init(&text, f->instance->text);
	enum json_schema_match match = json_schema_pattern_match(
		rule->branches[0].pattern, text.text, text.n, &f->run->work);
	json_schema_name_finish(&text);
	if (match == JSON_SCHEMA_MATCH_STOPPED)
		return json_schema_frame_stop(f, "a regular expression takes too long");
	return match == JSON_SCHEMA_MATCH_YES ||
	       json_schema_frame_fail(f, "%s does not match %s",
		       json_schema_frame_show(f->instance->text).text,
		       json_schema_frame_show(rule->value).text);
}

static bool compile_format(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	if (json_type(rule->value) != JSON_STRING)
		return json_schema_rule_fail(rule, err, "a string");
	bool asserts = l->options->assert_format ||
		       (rule->node->resource->vocabularies & VOCABULARY_FORMAT_ASSERTION);
	json_schema_name_init(&json_schema_rule_grow(rule)->name, rule->value);
	rule->size = asserts;
	return true;
}

static bool check_format(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	if (rule->size == 0)
		return true;
	struct json_schema_name text;
	json_schema_name_init(&text, f->instance->text);
	bool ok =
		json_schema_format_holds(rule->branches[0].name.text, text.text, text.n);
	json_schema_name_finish(&text);
	return ok || json_schema_frame_fail(f, "%s is not of the format %s",
			     json_schema_frame_show(f->instance->text).text,
			     json_schema_frame_show(rule->value).text);
}

#define VALIDATION VOCABULARY_VALIDATION
#define FORMAT (VOCABULARY_FORMAT_ANNOTATION | VOCABULARY_FORMAT_ASSERTION)
#define ANY JSON_SCHEMA_ANY
#define NUMBER JSON_SCHEMA_TYPE(JSON_NUMBER)
#define STRING JSON_SCHEMA_TYPE(JSON_STRING)

const struct json_schema_keyword json_schema_scalar_keywords[] = {
	{"type", VALIDATION, ANY, compile_type, check_type},
	{"enum", VALIDATION, ANY, compile_enum, check_enum},
	{"const", VALIDATION, ANY, compile_const, check_enum},
	{"multipleOf", VALIDATION, NUMBER, compile_multiple, check_multiple},
	{"maximum", VALIDATION, NUMBER, json_schema_rule_number, check_maximum},
	{"exclusiveMaximum", VALIDATION, NUMBER, json_schema_rule_number,
		check_exclusive_maximum},
	{"minimum", VALIDATION, NUMBER, json_schema_rule_number, check_minimum},
	{"exclusiveMinimum", VALIDATION, NUMBER, json_schema_rule_number,
		check_exclusive_minimum},
	{"maxLength", VALIDATION, STRING, json_schema_rule_size, check_max_length},
	{"minLength", VALIDATION, STRING, json_schema_rule_size, check_min_length},
	{"pattern", VALIDATION, STRING, json_schema_rule_pattern, check_pattern},
	{"format", FORMAT, STRING, compile_format, check_format},
	{0},
};
