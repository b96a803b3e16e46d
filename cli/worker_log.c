/* The first lines of a worker's log. */
#include "worker_log.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

void worker_log_choose(const struct options *o)
{
	const char *level = options_text(o, "log-level");
	const char *format = options_text(o, "log-format");
	enum log_level most = !level || strcmp(level, "info") == 0 ? LOG_INFO
			      : strcmp(level, "debug") == 0        ? LOG_DEBUG
			      : strcmp(level, "warning") == 0      ? LOG_WARNING
								   : LOG_ERROR;
	log_choose(most, format && strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT);
}

static void add(struct buf *out, const char *text)
{
	buf_printf(out, "%s%s", out->len ? ", " : "", text);
}

/* What a definition may need of a worker, and what this one lets it do. */
static char *say_abilities(const struct settings *s)
{
	struct buf b = {0};
	add(&b, s->allow_run ? "run of processes" : "no run of processes");
	add(&b, s->allow_sql ? "call: sql on this database"
			     : "no call: sql on this database");
	for (char **l = s->sql_logins; l && *l; l++) {
		char *name = xasprintf("sql login of %.*s", (int)strcspn(*l, "="), *l);
		add(&b, name);
		free(name);
	}
	for (char **d = s->databases; d && *d; d++) {
		char *name = xasprintf("database %.*s", (int)strcspn(*d, "="), *d);
		add(&b, name);
		free(name);
	}
	if (s->sql_role)
		add(&b, "sql role ");
	if (s->sql_role)
		buf_puts(&b, s->sql_role);
	add(&b, s->secrets ? "secrets" : "no secrets");
	if (s->reach)
		add(&b, "requests go where --http-deny and --http-allow say");
	return buf_take(&b);
}

void worker_log_begin(
	const struct db_client *c, const struct worker_options *w, int processes)
{
	struct db_peer peer;
	char *abilities = say_abilities(&w->settings);
	db_client_peer(c, &peer);
	log_line(LOG_INFO, "wfctl %s works on database %s at %s%s%s as %s", w->version,
		peer.database, peer.host, *peer.port ? ", port " : "", peer.port,
		peer.user);
	log_line(LOG_INFO, "%d process%s of %d effects at once; %s", processes,
		processes == 1 ? "" : "es", w->concurrency, abilities);
	free(abilities);
}
