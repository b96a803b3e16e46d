/*
 * Starting a process for suspects, and what its death says. It is started by exec, since
 * the libraries of a worker have threads. Descriptors 3 and 4 are its lifeline, whose end
 * it sees when the worker drains or is gone, and the memory that both share.
 */
#include "worker/suspect.h"

#include "base/buf.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VARIABLE "STEPWELL_SUSPECT"
#define LIFELINE_FD 3
#define BOX_FD 4
#define MEMORY_LEAST (24u << 20)
#define FULL_PERCENT 80 /* of its memory: more, and it was killed for that */

/* ---- Memory ---- */

/* Half of what is left for it in the control group; where others have taken most, as much
 * as a run may always need. Then the kernel may have to choose, and that proves nothing.
 */
static uint64_t memory_bound(uint64_t most)
{
	struct group_memory m;
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
	return 0; /* the sanitizer reserves more than any machine has */
#endif
	if (!group_memory("", &m))
		return most;
	uint64_t bound = m.limit > m.used ? (m.limit - m.used) / 2 : 0;
	bound = bound > m.limit / 4 ? bound : m.limit / 4;
	bound = bound > MEMORY_LEAST ? bound : MEMORY_LEAST;
	return most && most < bound ? most : bound;
}

/* One run alone gets a control group, so that it is told whether the kernel ended it for
 * its own sake. Its commands are in there, too, and are to have what they have elsewhere:
 * the group may have what is left, or most of ours. */
static void make_group(const struct suspect_start *s, struct black_box *box)
{
	struct group_memory m;
	char id[UUID_TEXT], name[UUID_TEXT + 16];
	if (!s->alone || !box->memory || !group_memory("", &m))
		return;
	uint64_t most =
		m.limit - m.used > m.limit / 4 * 3 ? m.limit - m.used : m.limit / 4 * 3;
	uuid_format(s->id, id);
	snprintf(name, sizeof name, "stepwell.%s", id);
	if (!group_make("", name, most, box->group))
		*box->group = '\0';
}

/* ---- Starting it ---- */

static struct black_box *make_box(int *ret_fd)
{
	*ret_fd = memfd_create("suspect", MFD_CLOEXEC);
	if (*ret_fd < 0)
		return NULL;
	void *box = MAP_FAILED;
	if (ftruncate(*ret_fd, sizeof(struct black_box)) == 0)
		box = mmap(NULL, sizeof(struct black_box), PROT_READ | PROT_WRITE,
			MAP_SHARED, *ret_fd, 0);
	if (box != MAP_FAILED)
		return box;
	close(*ret_fd);
	return NULL;
}

/* Our own environment, the secrets that were taken out of it, and what it is to be. */
static char **make_environment(const struct suspect_start *s)
{
	char id[UUID_TEXT];
	size_t n = 0, count = secrets_variables(s->secrets, NULL);
	while (environ && environ[n])
		n++;
	char **all = xcalloc(n + count + 2, sizeof *all);
	for (size_t i = 0; i < n; i++)
		all[i] = xstrdup(environ[i]);
	secrets_variables(s->secrets, all + n);
	uuid_format(s->id, id);
	all[n + count] = xasprintf(VARIABLE "=%s %s", id, s->conninfo);
	return all;
}

static void free_environment(char **all)
{
	for (size_t i = 0; all[i]; i++) {
		explicit_bzero(all[i], strlen(all[i]));
		free(all[i]);
	}
	free(all);
}

/* Copies above those that the process is to have, so that none is in the other's way. */
static int spawn(const struct suspect_start *s, int lifeline, int box, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, all;
	char **environment = make_environment(s);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, lifeline, LIFELINE_FD);
	posix_spawn_file_actions_adddup2(&files, box, BOX_FD);
	posix_spawn_file_actions_addclosefrom_np(&files, BOX_FD + 1);
	posix_spawnattr_init(&how);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &all);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int rc = posix_spawn(ret, "/proc/self/exe", &files, &how, s->argv, environment);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	free_environment(environment);
	return rc;
}

static int above(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 16);
	close(fd);
	return copy;
}

bool suspect_start(
	const struct suspect_start *s, struct suspect_process *ret, struct error *err)
{
	struct suspect_process p = {.lifeline = -1};
	int ends[2], fd, rc;
	p.box = make_box(&fd);
	if (!p.box || pipe2(ends, O_CLOEXEC) != 0) {
		rc = errno;
		suspect_finish(&p);
		return error_set(err, ERROR_TRANSIENT, "%s", strerror(rc));
	}
	p.lifeline = ends[1];
	p.box->worker = getpid();
	p.box->memory = memory_bound(s->memory);
	p.box->routes = s->routes;
	make_group(s, p.box);
	fd = above(fd);
	ends[0] = above(ends[0]);
	rc = spawn(s, ends[0], fd, &p.pid);
	close(ends[0]);
	close(fd);
	if (rc == 0) {
		*ret = p;
		return true;
	}
	suspect_finish(&p);
	return error_set(err, ERROR_TRANSIENT, "%s", strerror(rc));
}

void suspect_drain(struct suspect_process *p)
{
	if (p->lifeline >= 0)
		close(p->lifeline);
	p->lifeline = -1;
}

void suspect_finish(struct suspect_process *p)
{
	suspect_drain(p);
	if (p->box) {
		group_remove(p->box->group);
		munmap(p->box, sizeof *p->box);
	}
	p->box = NULL;
}

/* ---- Its end ---- */

/* A command of it that the kernel has killed is no end of its own: kills count since it
 * was seen alive last. */
bool suspect_has_ended(struct suspect_process *p, struct death *ret)
{
	struct rusage used = {0};
	struct death d = {0};
	int status;
	uint64_t kills = p->box->grouped ? group_kills(p->box->group) : 0;
	if (wait4(p->pid, &status, WNOHANG, &used) != p->pid) {
		p->kills = kills;
		return false;
	}
	d.starved = p->box->grouped && group_kills(p->box->group) > p->kills;
	if (WIFSIGNALED(status))
		d.signal = WTERMSIG(status);
	else
		d.code = WEXITSTATUS(status);
	d.rss = (uint64_t)used.ru_maxrss * 1024;
	*ret = d;
	return true;
}

int64_t suspect_cpu(const struct suspect_process *p)
{
	clockid_t clock;
	struct timespec t;
	if (clock_getcpuclockid(p->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool is_out_of_memory(const struct death *d, const struct black_box *box)
{
	return box->memory && d->rss / FULL_PERCENT > box->memory / 100;
}

bool death_is_evidence(const struct death *d, const struct black_box *box)
{
	switch (d->signal) {
	case 0: return d->code != 0 && d->code != SUSPECT_CANNOT_CONNECT;
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGABRT:
	case SIGSYS: return true;
	case SIGKILL: return d->hung || d->starved || is_out_of_memory(d, box);
	default: return false;
	}
}

/* The step as verified JSON text: it may have been cut off in the middle of being
 * written. */
static void put_step(const struct black_box *box, struct buf *out)
{
	char step[SUSPECT_STEP];
	struct json ignored;
	struct buf quoted = {0};
	memcpy(step, box->step, sizeof step);
	step[sizeof step - 1] = '\0';
	json_put_string(&quoted, step, strlen(step));
	bool ok =
		*step && json_check(quoted.data, quoted.len, NULL, &ignored, NULL, NULL);
	buf_puts(out, ok ? buf_text(&quoted) : "null");
	buf_finish(&quoted);
}

char *death_object(const struct death *d, const struct black_box *box)
{
	struct buf b = {0};
	buf_puts(&b, "{\"signal\":");
	if (d->signal)
		buf_printf(&b, "\"SIG%s\",\"code\":null", sigabbrev_np(d->signal));
	else
		buf_printf(&b, "null,\"code\":%d", d->code);
	buf_puts(&b, ",\"step\":");
	put_step(box, &b);
	buf_printf(&b, ",\"rss\":%llu%s%s}", (unsigned long long)d->rss,
		d->hung ? ",\"hung\":true" : "", d->starved ? ",\"starved\":true" : "");
	return buf_take(&b);
}

char *death_text(const struct death *d, const struct black_box *box)
{
	struct buf b = {0}, step = {0};
	if (d->hung)
		buf_puts(&b, "hung");
	else if (d->signal)
		buf_printf(&b, "was ended by SIG%s", sigabbrev_np(d->signal));
	else
		buf_printf(&b, "ended with exit code %d", d->code);
	put_step(box, &step);
	if (*buf_text(&step) == '"')
		buf_printf(&b, " in %.*s", (int)step.len - 2, step.data + 1);
	buf_printf(&b, ", with %llu MiB", (unsigned long long)(d->rss >> 20));
	if (is_out_of_memory(d, box))
		buf_printf(&b, " of %llu", (unsigned long long)(box->memory >> 20));
	if (d->starved)
		buf_puts(&b, ", its control group full");
	buf_finish(&step);
	return buf_take(&b);
}

/* ---- In the process ---- */

static struct black_box *map_box(void)
{
	void *box = mmap(NULL, sizeof(struct black_box), PROT_READ | PROT_WRITE,
		MAP_SHARED, BOX_FD, 0);
	close(BOX_FD);
	return box == MAP_FAILED ? NULL : box;
}

/* It is to fail by itself before the kernel chooses whom to kill; then it is the one. Its
 * commands inherit both. They may have as many processes as they like, as they may
 * elsewhere: RLIMIT_NPROC counts all of the user's processes, so it would fail a command
 * for what others run, and pids.max belongs to whoever set up the service. */
static void bound_memory(uint64_t memory)
{
	struct rlimit limit = {memory, memory};
	if (memory)
		setrlimit(RLIMIT_DATA, &limit);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = write(fd, "1000", 4);
	(void)n; /* a right that it may not have */
	close(fd);
}

bool suspect_begin(struct suspect *ret, struct error *err)
{
	struct suspect s = {.lifeline = LIFELINE_FD};
	char *text = getenv(VARIABLE), id[UUID_TEXT];
	snprintf(id, sizeof id, "%s", text ? text : "");
	if (!uuid_parse(id, &s.id) || text[UUID_TEXT - 1] != ' ' ||
		fcntl(BOX_FD, F_GETFD) < 0)
		return error_set(err, ERROR_INPUT,
			"--suspect is for processes that a worker starts itself");
	s.conninfo = xstrdup(text + UUID_TEXT);
	explicit_bzero(text, strlen(text));
	unsetenv(VARIABLE);
	s.box = map_box();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!s.box || getppid() != s.box->worker)
		_exit(SUSPECT_CANNOT_CONNECT);
	fcntl(s.lifeline, F_SETFD, FD_CLOEXEC);
	s.box->grouped = *s.box->group && group_enter(s.box->group);
	bound_memory(s.box->memory);
	*ret = s;
	return true;
}

void suspect_end(struct suspect *s)
{
	free(s->conninfo);
	munmap(s->box, sizeof *s->box);
	close(s->lifeline);
}

void suspect_note(struct black_box *box, const char *step)
{
	size_t n = strlen(step);
	n = n < SUSPECT_STEP - 1 ? n : SUSPECT_STEP - 1;
	while (step[n] && n && ((unsigned char)step[n] & 0xc0) == 0x80)
		n--;
	memcpy(box->step, step, n);
	box->step[n] = '\0';
}
