/* Parameters and results of statements, and what an SQLSTATE means; shared by both shapes
 * of connection. Parameters go as text, so that one function serves every type the
 * statement declares; arrays, which carry the journal, go in binary form. */
#include "db/libpq.h"

#include "base/clock.h"
#include "base/escape.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* ---- Parameters ---- */

static void add(struct db_params *p, const void *data, size_t n, int format)
{
	assert(p->count < DB_PARAMS_MAX && n <= INT32_MAX);
	p->offsets[p->count] = p->data.len;
	p->lengths[p->count] = (int)n;
	p->formats[p->count] = format;
	p->count++;
	buf_add(&p->data, data, n);
	buf_putc(&p->data, '\0');
}

void db_params_finish(struct db_params *p)
{
	if (!p)
		return;
	buf_finish(&p->data);
	p->count = 0;
}

void db_add_null(struct db_params *p)
{
	assert(p->count < DB_PARAMS_MAX);
	p->offsets[p->count] = SIZE_MAX;
	p->lengths[p->count] = 0;
	p->formats[p->count] = 0;
	p->count++;
}

void db_add_text(struct db_params *p, const char *text)
{
	if (text)
		add(p, text, strlen(text), 0);
	else
		db_add_null(p);
}

void db_add_bytes(struct db_params *p, const char *text, size_t n)
{
	add(p, text, n, 0);
}

void db_add_int(struct db_params *p, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)v);
	add(p, text, (size_t)n, 0);
}

void db_add_bool(struct db_params *p, bool v)
{
	add(p, v ? "t" : "f", 1, 0);
}

void db_add_uuid(struct db_params *p, struct uuid id)
{
	char text[UUID_TEXT];
	uuid_format(id, text);
	add(p, text, UUID_TEXT - 1, 0);
}

void db_add_time(struct db_params *p, int64_t usec)
{
	char text[CLOCK_TEXT] = "infinity";
	if (usec != INT64_MAX)
		clock_format(usec, text);
	add(p, text, strlen(text), 0);
}

void db_params_values(const struct db_params *p, const char *values[DB_PARAMS_MAX])
{
	for (int i = 0; i < p->count; i++)
		values[i] =
			p->offsets[i] == SIZE_MAX ? NULL : p->data.data + p->offsets[i];
}

/* ---- Arrays (PostgreSQL's array_recv) ---- */

/* 2000-01-01 00:00 UTC, where PostgreSQL counts from, in microseconds since 1970. */
#define POSTGRES_EPOCH 946684800000000LL

int64_t db_time(int64_t usec)
{
	return usec == INT64_MAX ? usec : usec - POSTGRES_EPOCH;
}

static void put_int32(struct buf *b, int64_t v)
{
	uint32_t n = htonl((uint32_t)v);
	buf_add(b, &n, sizeof n);
}

static void element(struct db_array *a, const void *data, size_t n)
{
	assert(n <= INT32_MAX);
	put_int32(&a->data, (int64_t)n);
	buf_add(&a->data, data, n);
	a->count++;
}

void db_array_init(struct db_array *a, uint32_t type)
{
	*a = (struct db_array){.type = type};
}

void db_array_finish(struct db_array *a)
{
	if (!a)
		return;
	buf_finish(&a->data);
	a->count = 0;
	a->nulls = false;
}

void db_array_null(struct db_array *a)
{
	put_int32(&a->data, -1);
	a->nulls = true;
	a->count++;
}

void db_array_text(struct db_array *a, const char *text, size_t n)
{
	element(a, text, n);
}

void db_array_int8(struct db_array *a, int64_t v)
{
	uint64_t n = htobe64((uint64_t)v);
	element(a, &n, sizeof n);
}

void db_array_int4(struct db_array *a, int32_t v)
{
	uint32_t n = htonl((uint32_t)v);
	element(a, &n, sizeof n);
}

void db_array_uuid(struct db_array *a, struct uuid id)
{
	element(a, id.b, sizeof id.b);
}

void db_array_time(struct db_array *a, int64_t usec)
{
	db_array_int8(a, db_time(usec));
}

void db_add_array(struct db_params *p, struct db_array *a)
{
	int i = p->count++;
	struct buf *whole = &p->data;
	assert(i < DB_PARAMS_MAX);
	p->offsets[i] = whole->len;
	p->formats[i] = 1;
	buf_reserve(whole, a->data.len + 20 + 1);
	put_int32(whole, a->count ? 1 : 0); /* dimensions */
	put_int32(whole, a->nulls);
	put_int32(whole, a->type);
	if (a->count) {
		put_int32(whole, a->count);
		put_int32(whole, 1); /* first index */
		buf_add(whole, a->data.data, a->data.len);
	}
	assert(whole->len - p->offsets[i] <= INT32_MAX);
	p->lengths[i] = (int)(whole->len - p->offsets[i]);
	buf_putc(whole, '\0');
}

/* ---- Results ---- */

struct db_result *db_result_create(PGresult *pg)
{
	struct db_result *r = xcalloc(1, sizeof *r);
	r->pg = pg;
	return r;
}

void db_result_destroy(struct db_result *r)
{
	if (!r)
		return;
	PQclear(r->pg);
	free(r);
}

int db_rows(const struct db_result *r)
{
	return PQntuples(r->pg);
}

int db_columns(const struct db_result *r)
{
	return PQnfields(r->pg);
}

int64_t db_affected(const struct db_result *r)
{
	return strtoll(PQcmdTuples(r->pg), NULL, 10);
}

const char *db_command_tag(const struct db_result *r)
{
	return PQcmdStatus(r->pg);
}

bool db_is_null(const struct db_result *r, int row, int column)
{
	return PQgetisnull(r->pg, row, column);
}

const char *db_text(const struct db_result *r, int row, int column)
{
	return PQgetvalue(r->pg, row, column);
}

size_t db_length(const struct db_result *r, int row, int column)
{
	return (size_t)PQgetlength(r->pg, row, column);
}

int64_t db_int(const struct db_result *r, int row, int column)
{
	return strtoll(db_text(r, row, column), NULL, 10);
}

bool db_bool(const struct db_result *r, int row, int column)
{
	return *db_text(r, row, column) == 't';
}

struct uuid db_uuid(const struct db_result *r, int row, int column)
{
	struct uuid id = {{0}};
	bool valid = uuid_parse(db_text(r, row, column), &id);
	assert(valid || db_is_null(r, row, column));
	return id;
}

const char *db_column_name(const struct db_result *r, int column)
{
	return PQfname(r->pg, column);
}

uint32_t db_column_type(const struct db_result *r, int column)
{
	return PQftype(r->pg, column);
}

/* ---- Errors ---- */

enum error_kind db_error_kind(const char *sqlstate)
{
	static const struct {
		const char *prefix;
		enum error_kind kind;
	} kinds[] = {
		{"23505", ERROR_CONFLICT},
		{"25006", ERROR_TRANSIENT}, /* read only: a standby */
		{"55P03", ERROR_TRANSIENT}, /* lock_timeout */
		{"42501", ERROR_DENIED},
		{"P0002", ERROR_NOT_FOUND},
		{"08", ERROR_TRANSIENT},
		{"40", ERROR_TRANSIENT},
		{"53", ERROR_TRANSIENT},
		{"57P", ERROR_TRANSIENT},
		{"22", ERROR_INPUT},
	};
	if (!*sqlstate)
		return ERROR_TRANSIENT; /* libpq's own: the connection */
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(sqlstate, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].kind;
	return ERROR_PERMANENT;
}

bool db_error_is_drift(const struct error *err)
{
	/* Insufficient privilege; no such table, column, function, schema. */
	static const char *const states[] = {"42501", "42P01", "42703", "42883", "3F000"};
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(err->sqlstate, states[i]) == 0)
			return true;
	return false;
}

/* The first n bytes of a line that ends before a character that would not fit whole. */
static int cut(const char *text, size_t n, size_t room)
{
	if (n <= room)
		return (int)n;
	while (room > 0 && ((unsigned char)text[room] & 0xC0) == 0x80)
		room--;
	return (int)room;
}

/* libpq's own messages have several lines: white space becomes one space. */
static void set_escaped(struct error *err, enum error_kind kind, const char *text)
{
	struct buf plain = {0}, line = {0};
	for (const char *p = text; *p; p++) {
		bool space = *p == ' ' || *p == '\n' || *p == '\t';
		if (!space)
			buf_putc(&plain, *p);
		else if (plain.len && p[1] && plain.data[plain.len - 1] != ' ')
			buf_putc(&plain, ' ');
	}
	escape_text(buf_text(&plain), plain.len, false, &line);
	error_set(err, kind, "%.*s", cut(buf_text(&line), line.len, sizeof err->text - 1),
		buf_text(&line));
	buf_finish(&plain);
	buf_finish(&line);
}

/* A key that nobody but who writes to a run can violate: of a partition of the journal,
 * or of what runs have taken, which goes with it and is written first. */
static bool is_fence(const PGresult *result)
{
	const char *schema = PQresultErrorField(result, PG_DIAG_SCHEMA_NAME);
	const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
	return schema && table && strcmp(schema, "stepwell") == 0 &&
	       (strncmp(table, "entry_", 6) == 0 || strcmp(table, "taken") == 0);
}

void db_error_from_result(const PGresult *result, struct error *err)
{
	static const int fields[] = {
		PG_DIAG_MESSAGE_PRIMARY, PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT};
	if (!err)
		return;
	struct buf text = {0};
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const char *field = PQresultErrorField(result, fields[i]);
		if (field && *field)
			buf_printf(&text, "%s%s", text.len ? "; " : "", field);
	}
	if (!text.len)
		buf_puts(&text, PQresultErrorMessage(result));
	if (!text.len)
		buf_printf(&text, "unexpected answer: %s",
			PQresStatus(PQresultStatus(result)));
	enum error_kind kind = db_error_kind(state ? state : "");
	if (kind == ERROR_CONFLICT && is_fence(result))
		kind = ERROR_FENCED;
	set_escaped(err, kind, buf_text(&text));
	snprintf(err->sqlstate, sizeof err->sqlstate, "%s", state ? state : "");
	buf_finish(&text);
}

/* libpq has no code for it, and drops the connection: an answer is larger than what this
 * process may take. */
static bool is_lack_of_memory(const char *text)
{
	return strstr(text, "cannot allocate memory for input buffer") ||
	       strstr(text, "out of memory");
}

void db_error_from_connection(const PGconn *conn, struct error *err)
{
	const char *text = PQerrorMessage(conn);
	if (!err)
		return;
	if (!is_lack_of_memory(text)) {
		set_escaped(
			err, ERROR_TRANSIENT, *text ? text : "the connection was lost");
		return;
	}
	struct buf sentences = {0};
	for (const char *p = text; *p; p++)
		buf_puts(&sentences, *p != '\n' ? (char[]){*p, '\0'} : p[1] ? "; " : "");
	set_escaped(err, ERROR_TRANSIENT, buf_text(&sentences));
	memcpy(err->sqlstate, "53200", 6);
	buf_finish(&sentences);
}

bool db_notice_is_doubt(const PGresult *notice)
{
	const char *function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
	return function && strcmp(function, "SyncRepWaitForLSN") == 0;
}

/* A statement may raise a warning with any SQLSTATE, but from no function of the
 * server's.
 */
bool db_notice_is_crash(const PGresult *notice)
{
	const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
	const char *function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
	return state && strcmp(state, "57P02") == 0 && function &&
	       strcmp(function, "quickdie") == 0;
}

/* ---- Connecting ---- */

/* A password with an @ or a / of its own: libpq would take a part of it for the host, the
 * port or the database. */
static bool url_is_ambiguous(const char *url)
{
	const char *p = strstr(url, "://") + 3;
	p += strcspn(p, "@/");
	if (*p == '@')
		p++;
	return p[strcspn(p, "@?")] == '@';
}

/* No host's name has an = or an @ (a socket's may begin with one). */
static bool has_odd_host(const PQconninfoOption *options)
{
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (o->val && strncmp(o->keyword, "host", 4) == 0 && *o->val &&
			strpbrk(o->val + 1, "=@"))
			return true;
	}
	return false;
}

static bool conninfo_is_sound(const char *conninfo)
{
	bool url = strstr(conninfo, "://");
	if (!url && !strchr(conninfo, '=')) /* a database's name, or nothing */
		return !strchr(conninfo, '@') || !strpbrk(conninfo, ":/");
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	bool sound =
		options && !(url && url_is_ambiguous(conninfo)) && !has_odd_host(options);
	PQconninfoFree(options);
	return sound;
}

bool db_conninfo_check(const char *conninfo, struct error *err)
{
	return conninfo_is_sound(conninfo) ||
	       error_set(err, ERROR_INPUT,
		       "the connection string cannot be read: write "
		       "postgresql://USER@HOST/DATABASE (in user and password @ is %%40 "
		       "and / is %%2F) or host=HOST dbname=DATABASE user=USER");
}

void db_connect_params(const char *conninfo, const char *name,
	const char *keywords[DB_CONNECT_PARAMS], const char *values[DB_CONNECT_PARAMS])
{
	static const struct {
		const char *keyword, *variable, *value;
	} defaults[] = {
		{"connect_timeout", "PGCONNECT_TIMEOUT", "10"},
		{"target_session_attrs", "PGTARGETSESSIONATTRS", "read-write"},
		{"keepalives_idle", NULL, "10"},
		{"keepalives_interval", NULL, "5"},
		{"keepalives_count", NULL, "3"},
		{"tcp_user_timeout", NULL, "30000"},
	};
	int n = 0;
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
		if (defaults[i].variable && getenv(defaults[i].variable))
			continue;
		keywords[n] = defaults[i].keyword;
		values[n++] = defaults[i].value;
	}
	keywords[n] = "fallback_application_name";
	values[n++] = name;
	keywords[n] = "dbname";
	values[n++] = conninfo;
	keywords[n] = "client_encoding";
	values[n++] = "UTF8";
	keywords[n] = values[n] = NULL;
}
