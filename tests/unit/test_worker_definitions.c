/*
 * Which compiled definitions a worker keeps. The rows are a real database's, of the form
 * that load_definition has.
 */
#include "base/bounds.h"
#include "suite.h"
#include "worker/definitions.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct db_client *client;
static struct definitions kept;

static void begin(void)
{
	struct error err = {0};
	const char *conninfo = getenv("DATABASE_URL");
	ck_assert_msg(conninfo, "DATABASE_URL is not set");
	ck_assert_msg(db_client_open(conninfo, "test", &client, &err), "%s", err.text);
	kept = (struct definitions){0};
}

static void end(void)
{
	definitions_finish(&kept);
	db_client_close(client);
}

static struct uuid id_of(int n)
{
	struct uuid id = {{0}};
	id.b[14] = (uint8_t)(n >> 8);
	id.b[15] = (uint8_t)n;
	return id;
}

/* A definition whose estimate is MiB-wise what its text of so many MiB makes it. */
static void add(int n, size_t bytes)
{
	struct error err = {0};
	struct db_result *rows;
	char *sql = xasprintf(
		"select json_build_object('document', json_build_object('dsl', '1.0.3', "
		"'namespace', 'n', 'name', 'd%d', 'version', '1.0.0'), 'do', "
		"json_build_array(json_build_object('a', json_build_object('set', "
		"json_build_object('x', repeat('y', %zu)))))), '1.0.0', null",
		n, bytes);
	ck_assert_msg(db_client_query(client, sql, NULL, &rows, &err), "%s", err.text);
	definitions_add(&kept, id_of(n), rows);
	db_result_destroy(rows);
	free(sql);
}

static bool is_nobody(void *ctx, struct uuid id)
{
	(void)ctx;
	(void)id;
	return false;
}

static bool is_that(void *ctx, struct uuid id)
{
	return uuid_equal(*(struct uuid *)ctx, id);
}

#define SIZE (4 * BOUND_MIB) /* its text; about twice that counts */

START_TEST(what_was_used_last_stays)
{
	for (int n = 0; n < 6; n++)
		add(n, SIZE);
	ck_assert_uint_le(kept.bytes, BOUND_DEFINITIONS);
	definitions_trim(&kept, is_nobody, NULL);
	for (int n = 0; n < 6; n++)
		ck_assert_ptr_nonnull(definitions_find(&kept, id_of(n)));
	ck_assert_ptr_nonnull(definitions_find(&kept, id_of(0)));
	for (int n = 6; n < 9; n++)
		add(n, SIZE);
	ck_assert_uint_gt(kept.bytes, BOUND_DEFINITIONS);
	definitions_trim(&kept, is_nobody, NULL);
	ck_assert_uint_le(kept.bytes, BOUND_DEFINITIONS);
	ck_assert_ptr_nonnull(definitions_find(&kept, id_of(0)));
	ck_assert_ptr_nonnull(definitions_find(&kept, id_of(8)));
	ck_assert_ptr_null(definitions_find(&kept, id_of(1)));
	ck_assert_ptr_null(definitions_find(&kept, id_of(2)));
	add(1, SIZE); /* it comes again */
	ck_assert_str_eq(definitions_find(&kept, id_of(1))->definition->name, "d1");
}
END_TEST

START_TEST(what_is_in_use_stays)
{
	struct uuid awaited = id_of(1);
	add(0, SIZE);
	add(1, SIZE);
	struct definition *used =
		definition_ref(definitions_find(&kept, id_of(0))->definition);
	for (int n = 2; n < 12; n++)
		add(n, SIZE);
	definitions_trim(&kept, is_that, &awaited);
	ck_assert_ptr_eq(definitions_find(&kept, id_of(0))->definition, used);
	ck_assert_ptr_nonnull(definitions_find(&kept, id_of(1)));
	ck_assert_ptr_null(definitions_find(&kept, id_of(2)));
	ck_assert_uint_le(kept.bytes, BOUND_DEFINITIONS);
	definition_unref(used);
	for (int n = 12; n < 20; n++)
		add(n, SIZE);
	definitions_trim(&kept, is_nobody, NULL);
	ck_assert_ptr_null(definitions_find(&kept, id_of(0)));
}
END_TEST

START_TEST(programs_weigh_most)
{
	struct error err = {0};
	struct db_result *rows;
	ck_assert(db_client_query(client,
		"select json_build_object('document', json_build_object('dsl', '1.0.3', "
		"'namespace', 'n', 'name', 'd', 'version', '1.0.0'), 'do', "
		"(select json_agg(json_build_object('a' || n, json_build_object('set', "
		"json_build_object('x', '${ [range(' || n || ')] | add }')))) from "
		"generate_series(1, 100) n)), '1.0.0', null",
		NULL, &rows, &err));
	definitions_add(&kept, id_of(1), rows);
	ck_assert_uint_gt(kept.bytes, BOUND_MIB / 2); /* 1 MiB was measured */
	ck_assert_uint_lt(kept.bytes, 2 * BOUND_MIB);
	db_result_destroy(rows);
}
END_TEST

START_TEST(what_cannot_be_compiled_says_why)
{
	struct error err = {0};
	struct db_result *rows;
	ck_assert(db_client_query(
		client, "select '{}', '1.0.0', null where false", NULL, &rows, &err));
	definitions_add(&kept, id_of(1), rows);
	db_result_destroy(rows);
	const struct definition_slot *s = definitions_find(&kept, id_of(1));
	ck_assert_ptr_null(s->definition);
	ck_assert_ptr_nonnull(strstr(s->fault.detail, "not there"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("definitions");
	TCase *t = tcase_create("definitions");
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, what_was_used_last_stays);
	tcase_add_test(t, what_is_in_use_stays);
	tcase_add_test(t, programs_weigh_most);
	tcase_add_test(t, what_cannot_be_compiled_says_why);
	suite_add_tcase(suite, t);
	return suite_exit(suite);
}
