/* Options to the settings of a worker. */
#include "worker_flags.h"

#include "db/db.h"
#include "http/authorities.h"
#include "http/client.h"
#include "http/reach.h"
#include "run/secrets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* NAMESPACE=CONNINFO, each namespace once. */
static bool check_logins(char **list, struct error *err)
{
	for (char **login = list; login && *login; login++) {
		size_t n = strcspn(*login, "=");
		bool good = n > 0 && (*login)[n] && (*login)[n + 1];
		for (size_t i = 0; i < n; i++)
			good = good && (isalnum((unsigned char)(*login)[i]) ||
					       (*login)[i] == '-');
		for (char **other = list; good && other < login; other++)
			good = strncmp(*other, *login, n + 1) != 0;
		if (!good)
			return error_set(err, ERROR_INPUT,
				"--sql-login takes NAMESPACE=CONNINFO, each namespace "
				"once, for instance "
				"shop=postgresql://shop_steps@db.example.com/app");
	}
	return true;
}

static bool refuse_login(
	const char *login, const char *user, const char *other, struct error *err)
{
	return error_set(err, ERROR_INPUT,
		"--sql-login: namespace \"%.*s\" logs in as \"%s\", as does %s: who "
		"shares a login can read and end the other's sessions and change what "
		"it owns; give each a login of its own",
		(int)strcspn(login, "="), login, user, other);
}

/* A login is a boundary only between those who do not share it. own: the worker's user;
 * NULL: not yet known. */
static bool check_users(char **list, const char *own, struct error *err)
{
	size_t n = 0;
	bool ok = true;
	while (list && list[n])
		n++;
	char **users = xcalloc(n + 1, sizeof *users);
	for (size_t i = 0; ok && i < n; i++) {
		users[i] = db_conninfo_user(strchr(list[i], '=') + 1);
		if (users[i] && own && strcmp(users[i], own) == 0)
			ok = refuse_login(list[i], own, "the worker itself (--db)", err);
		for (size_t j = 0; ok && users[i] && j < i; j++) {
			char *other = xasprintf("namespace \"%.*s\"",
				(int)strcspn(list[j], "="), list[j]);
			if (users[j] && strcmp(users[i], users[j]) == 0)
				ok = refuse_login(list[i], users[i], other, err);
			free(other);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(users[i]);
	free(users);
	return ok;
}

/* NAME=CONNINFO */
static bool check_databases(char **list, struct error *err)
{
	for (; *list; list++) {
		size_t n = strcspn(*list, "=");
		for (size_t i = 0; i < n; i++)
			if (!isalnum((unsigned char)(*list)[i]) &&
				!strchr("-_.", (*list)[i]))
				n = 0;
		/* What was given is not repeated: it may hold a password. */
		if (n == 0 || !(*list)[n] || !(*list)[n + 1])
			return error_set(err, ERROR_INPUT,
				"--database takes NAME=CONNINFO, for instance "
				"stock=postgresql://app@db2/stock");
		if (!db_conninfo_check(*list + n + 1, err))
			return error_prefix(err, "--database %.*s", (int)n, *list);
	}
	return true;
}

/* ERROR_INPUT where they cannot be what was meant. */
static bool read_secrets(const struct options *o, struct settings *s, struct error *err)
{
	const char *folder = options_text(o, "secrets");
	const char *prefix = options_text(o, "secret-env");
	struct stat st;
	if (!folder && !prefix)
		return true;
	if (folder && (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)))
		return error_set(err, ERROR_INPUT,
			"--secrets takes a folder, and %s is none", folder);
	if (prefix && !secret_prefix_is(prefix))
		return error_set(err, ERROR_INPUT,
			"--secret-env takes the beginning of a variable's name, for "
			"instance STEPWELL_SECRET_");
	s->secrets = secrets_create(folder, prefix);
	return true;
}

static void read_effects(const struct options *o, struct worker_options *w)
{
	struct settings *s = &w->settings;
	w->concurrency = (int)options_number(o, "concurrency", w->concurrency);
	s->allow_run = options_given(o, "allow-run");
	s->allow_sql = options_given(o, "allow-sql");
	s->ca_file = options_text(o, "ca-file");
	s->proxy = options_text(o, "proxy");
	s->shell_environment = options_list(o, "env");
	s->databases = options_list(o, "database");
	s->sql_logins = options_list(o, "sql-login");
	s->sql_role = (char *)options_text(o, "sql-role");
	s->sql_connections =
		(int)options_number(o, "sql-connections", s->sql_connections);
	s->body_limit = (size_t)options_number(o, "body-limit", (int64_t)s->body_limit);
	s->http_timeout = options_number(o, "http-timeout", s->http_timeout);
	w->expression_timeout = options_number(o, "expression-timeout", 0);
}

/* What of a command's options is not about how a worker works. */
static bool is_of_the_command(const char *name)
{
	static const char *const names[] = {
		"db", "processes", "until-idle", "sql-connections", "suspect", "reset"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static char **words_of_suspects(const struct options *o)
{
	char **words = xcalloc(o->value_count + 6, sizeof *words);
	size_t n = 0;
	words[n++] = xstrdup("wfctl");
	words[n++] = xstrdup("worker");
	words[n++] = xstrdup("--suspect");
	words[n++] = xstrdup("--sql-connections=1");
	for (size_t i = 0; i < o->value_count; i++) {
		const struct option_value *v = &o->values[i];
		if (is_of_the_command(v->option->name))
			continue;
		words[n++] = v->option->kind == OPTION_FLAG
				     ? xasprintf("--%s", v->option->name)
				     : xasprintf("--%s=%s", v->option->name, v->text);
	}
	return words;
}

static void read_pool(const struct options *o, struct worker_options *w)
{
	w->max_runs = (int)options_number(o, "max-runs", w->max_runs);
	w->heartbeat = options_number(o, "heartbeat", w->heartbeat);
	w->lease = options_number(o, "lease", w->lease);
	w->poll = options_number(o, "poll", w->poll);
	w->drain_timeout = options_number(o, "drain-timeout", w->drain_timeout);
	w->poison_after = (int)options_number(o, "poison-after", w->poison_after);
	w->suspect_memory =
		(uint64_t)options_number(o, "suspect-memory", (int64_t)w->suspect_memory);
	w->suspect_argv = words_of_suspects(o);
}

/* How requests get out. The proxy is not repeated: it may hold a password. */
static bool check_ways(const struct settings *s, struct error *err)
{
	if (!http_authorities_check(s->ca_file, err))
		return false;
	if (s->proxy && strncmp(s->proxy, "http://", 7) != 0 &&
		strncmp(s->proxy, "https://", 8) != 0)
		return error_set(err, ERROR_INPUT,
			"--proxy takes a URL, for instance "
			"http://proxy.example.com:3128");
	return true;
}

static bool reach_read(const struct options *o, const char *proxy,
	struct http_reach **ret, struct error *err)
{
	struct http_reach *r;
	char **deny = options_list(o, "http-deny"),
	     **allow = options_list(o, "http-allow");
	bool ok = http_reach_create(deny, allow, &r, err);
	free(deny);
	free(allow);
	if (ok && *http_proxy(proxy) && http_reach_needs_addresses(r)) {
		http_reach_destroy(r);
		return error_set(err, ERROR_INPUT,
			"--http-deny: a proxy resolves the names, so that no address can "
			"be judged here: name hosts, or deny all and allow hosts, or let "
			"the proxy refuse");
	}
	if (ok)
		*ret = r;
	return ok;
}

bool ways_read(const struct options *o, struct settings *ret, struct error *err)
{
	struct settings ways = {0};
	if (options_has(o, "ca-file"))
		ways.ca_file = options_text(o, "ca-file");
	if (options_has(o, "proxy"))
		ways.proxy = options_text(o, "proxy");
	if (!check_ways(&ways, err) || !reach_read(o, ways.proxy, &ways.reach, err))
		return false;
	*ret = ways;
	return true;
}

static bool check(const struct worker_options *w, struct error *err)
{
	if (w->concurrency < 1 || w->max_runs < 1 || w->settings.sql_connections < 1)
		return error_set(err, ERROR_INPUT,
			"--concurrency, --max-runs and --sql-connections must be at "
			"least 1");
	if (w->heartbeat < 10 * 1000 || w->poll < 10 * 1000)
		return error_set(
			err, ERROR_INPUT, "--heartbeat and --poll must be at least 10ms");
	if (w->lease < 2 * w->heartbeat)
		return error_set(err, ERROR_INPUT,
			"--lease must be at least two heartbeats, or a single late one "
			"costs the runs");
	return check_ways(&w->settings, err) &&
	       check_logins(w->settings.sql_logins, err) &&
	       check_users(w->settings.sql_logins, NULL, err) &&
	       check_databases(w->settings.databases, err);
}

bool worker_flags_read(const struct options *o, bool pool, const char *conninfo,
	struct worker_options *ret, struct error *err)
{
	struct worker_options w;
	worker_options_init(&w);
	w.conninfo = conninfo;
	if (o->build)
		w.version = o->build;
	w.settings.database = conninfo;
	read_effects(o, &w);
	if (pool)
		read_pool(o, &w);
	if (!check(&w, err) || !reach_read(o, w.settings.proxy, &w.settings.reach, err) ||
		!read_secrets(o, &w.settings, err)) {
		worker_flags_finish(&w);
		return false;
	}
	*ret = w;
	return true;
}

bool worker_flags_take(
	struct worker_options *w, const struct database *d, struct error *err)
{
	struct db_peer peer;
	db_client_peer(d->client, &peer);
	if (!check_users(w->settings.sql_logins, peer.user, err))
		return false;
	w->conninfo = w->settings.database = d->conninfo;
	if (!d->private || w->settings.allow_sql)
		return true;
	w->settings.allow_sql = true;
	char **words = (char **)w->suspect_argv;
	while (words && *words)
		words++;
	if (words) /* there is room for it */
		*words = xstrdup("--allow-sql");
	return true;
}

void worker_flags_finish(struct worker_options *w)
{
	free(w->settings.shell_environment);
	free(w->settings.databases);
	free(w->settings.sql_logins);
	for (size_t i = 0; w->suspect_argv && w->suspect_argv[i]; i++)
		free(w->suspect_argv[i]);
	free((char **)w->suspect_argv);
	w->settings.shell_environment = w->settings.databases = w->settings.sql_logins =
		NULL;
	w->suspect_argv = NULL;
	secrets_destroy(w->settings.secrets);
	w->settings.secrets = NULL;
	http_reach_destroy(w->settings.reach);
	w->settings.reach = NULL;
}
