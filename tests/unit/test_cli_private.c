/*
 * The private PostgreSQL with real servers, each case in a folder of its own. As root
 * each case runs twice: as root, and as `nobody`.
 */
#include "base/clock.h"
#include "postgres/server.h"
#include "suite.h"

#include <check.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/test private.XXXXXX";

static bool sh(const char *command)
{
	return system(command) == 0;
}

/* Goes into a new folder (and one below it), in the second round as nobody. Its name has
 * a blank, with which no socket can lie in it, unless `plain` is set. */
static bool plain;

static void enter(int round, const char *below)
{
	folder[sizeof "/tmp/test" - 1] = plain ? '-' : ' ';
	struct passwd *nobody = getpwnam("nobody");
	memcpy(folder + sizeof folder - 7, "XXXXXX", 7);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	if (round == 1) {
		ck_assert_ptr_nonnull(nobody);
		ck_assert_int_eq(chown(folder, nobody->pw_uid, nobody->pw_gid), 0);
		ck_assert_int_eq(
			setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid), 0);
		ck_assert_int_eq(
			setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid), 0);
		prctl(PR_SET_DUMPABLE, 1); /* for the leak sanitizer */
	}
	unsetenv("XDG_RUNTIME_DIR");
	if (below) {
		ck_assert_int_eq(mkdir(below, 0755), 0);
		ck_assert_int_eq(chdir(below), 0);
	}
}

static void leave(void)
{
	ck_assert(private_stop(NULL, NULL));
	sh("test -L .wfctl && rm -rf \"$(readlink .wfctl)\"; cd /; true");
	char *command = xasprintf("rm -rf '%s'", folder);
	ck_assert(sh(command));
	free(command);
}

static struct private *acquire(const char **ret_conninfo)
{
	struct private *p;
	struct error err = {0};
	ck_assert_msg(private_acquire(&p, ret_conninfo, &err), "%s", err.text);
	return p;
}

/* The first field of the answer; caller frees. */
static char *query(const char *conninfo, const char *sql)
{
	PGconn *c = PQconnectdb(conninfo);
	PGresult *r = PQexec(c, sql);
	ck_assert_msg(PQresultStatus(r) == PGRES_TUPLES_OK, "%s%s", PQerrorMessage(c),
		PQresultErrorMessage(r));
	char *value = xstrdup(PQgetvalue(r, 0, 0));
	PQclear(r);
	PQfinish(c);
	return value;
}

static void expect(const char *conninfo, const char *sql, const char *value)
{
	char *got = query(conninfo, sql);
	ck_assert_str_eq(got, value);
	free(got);
}

static pid_t server_pid(void)
{
	int pid = 0;
	FILE *f = fopen(".wfctl/data/postmaster.pid", "r");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid;
}

static pid_t parent_of(pid_t pid)
{
	char path[64];
	int parent = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %*c %d", &parent), 1);
	fclose(f);
	return parent;
}

/* Zombies do not count: whoever adopted them may take its time. */
static bool exists(pid_t pid)
{
	char path[64], state = 'Z';
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	int n = f ? fscanf(f, "%*d (%*[^)]) %c", &state) : 0;
	if (f)
		fclose(f);
	return n == 1 && state != 'Z';
}

/* Milliseconds until the process is gone; fails after two seconds. */
static int wait_for_death(pid_t pid)
{
	int64_t begin = clock_boottime();
	while (exists(pid)) {
		ck_assert_msg(
			clock_boottime() - begin < 2 * USEC_PER_SEC, "%d lives", pid);
		usleep(2000);
	}
	return (int)((clock_boottime() - begin) / USEC_PER_MS);
}

/* Another wfctl: a process that uses the database until it is killed. */
static pid_t start_user(void)
{
	int ready[2];
	char byte;
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const char *conninfo;
		acquire(&conninfo);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void kill_user(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

START_TEST(first_start_makes_all_and_later_ones_are_quick)
{
	int64_t times[4];
	pid_t server;
	const char *conninfo;
	enter(_i, NULL);
	ck_assert(!private_exists());
	for (int i = 0; i < 3; i++) {
		times[i] = clock_boottime();
		struct private *p = acquire(&conninfo);
		times[i] = clock_boottime() - times[i];
		expect(conninfo, "select current_database() || current_user",
			"stepwellstepwell");
		ck_assert(private_is_running(p));
		server = server_pid();
		times[3] = clock_boottime();
		private_release(p);
		wait_for_death(server);
		times[3] = clock_boottime() - times[3];
	}
	ck_assert(private_exists());
	printf("# %s: first start %.2f s, second %.3f s, third %.3f s, stop %.3f s\n",
		geteuid() == 0 ? "root" : "user", (double)times[0] / 1e6,
		(double)times[1] / 1e6, (double)times[2] / 1e6, (double)times[3] / 1e6);
	fflush(stdout);
	ck_assert_int_lt(times[1], times[0]); /* initdb is done once */
	leave();
}
END_TEST

START_TEST(server_is_durable_local_and_not_root)
{
	const char *conninfo;
	struct stat st;
	char path[64];
	enter(_i, NULL);
	struct private *p = acquire(&conninfo);
	expect(conninfo, "select setting from pg_settings where name = 'fsync'", "on");
	expect(conninfo,
		"select setting from pg_settings where name = 'synchronous_commit'",
		"on");
	expect(conninfo,
		"select setting from pg_settings where name = 'listen_addresses'", "");
	expect(conninfo,
		"select pg_encoding_to_char(encoding) from pg_database where datname = "
		"'stepwell'",
		"UTF8");
	snprintf(path, sizeof path, "/proc/%d", server_pid());
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_ne(st.st_uid, 0);
	const char *const others[] = {"postgres", "nobody"};
	for (int i = 0; geteuid() == 0 && i < 2; i++) {
		const struct passwd *other = getpwnam(others[i]);
		ck_assert(!other || st.st_uid != other->pw_uid);
	}
	ck_assert_int_eq(stat(".wfctl/data", &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	private_release(p);
	leave();
}
END_TEST

/* What the server says to this statement, or to who connects. */
static void expect_refusal(const char *conninfo, const char *sql, const char *why)
{
	PGconn *c = PQconnectdb(conninfo);
	PGresult *r = PQstatus(c) == CONNECTION_OK ? PQexec(c, sql) : NULL;
	ck_assert(!r || PQresultStatus(r) == PGRES_FATAL_ERROR);
	ck_assert_msg(strstr(PQerrorMessage(c), why), "%s", PQerrorMessage(c));
	PQclear(r);
	PQfinish(c);
}

/* Nothing of the superuser's is in reach of who uses the cluster. */
static void expect_closed(const char *conninfo)
{
	static const char *const others[] = {
		"stepwell_server", "stepwell_renamer", "postgres", "nobody"};
	expect(conninfo,
		"select count(*) from pg_roles where rolname = 'stepwell' and not "
		"(rolsuper or rolcreaterole or rolreplication or rolbypassrls)",
		"1");
	expect(conninfo, "select count(*) from pg_roles where rolcanlogin", "2");
	expect_refusal(
		conninfo, "copy (select 1) to program 'true'", "must be superuser");
	expect_refusal(conninfo, "copy (select 1) to '/tmp/x'", "must be superuser");
	expect_refusal(conninfo, "set role stepwell_server", "permission denied");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		char *other = xasprintf("%s user=%s", conninfo, others[i]);
		expect_refusal(other, "select 1", "no pg_hba.conf entry");
		free(other);
	}
	char *database = xasprintf("%s dbname=postgres", conninfo);
	expect_refusal(database, "select 1", "no pg_hba.conf entry");
	free(database);
}

START_TEST(nobody_is_its_superuser)
{
	const char *conninfo;
	struct stat st;
	enter(_i, NULL);
	struct private *p = acquire(&conninfo);
	expect_closed(conninfo);
	ck_assert_int_eq(stat(".wfctl/data", &st), 0);
	char *peer = xasprintf("requirepeer='%s'", getpwuid(st.st_uid)->pw_name);
	ck_assert_ptr_nonnull(strstr(conninfo, peer));
	char *another = xasprintf("%s requirepeer=daemon", conninfo);
	expect_refusal(another, "select 1", "requirepeer");
	free(another);
	free(peer);
	private_release(p);
	leave();
}
END_TEST

/* As the version before made it: the role is the superuser, everybody is trusted, and as
 * root the server was that of `postgres`. */
static const char made_before[] =
	"set -e; bin=$(pg_config --bindir); cd \"$(readlink -f .wfctl)\"\n"
	"rm -rf data pg_hba.conf pg_ident.conf; mkdir -m 700 data\n"
	"as=; if [ $(id -u) = 0 ]; then chown postgres: data; "
	"as='setpriv --reuid=postgres --regid=postgres --clear-groups'; fi\n"
	"exec >/dev/null 2>&1\n"
	"$as $bin/initdb -D \"$PWD/data\" -U stepwell --auth=trust -E UTF8 --no-sync\n"
	"single() { $as $bin/postgres --single -D \"$PWD/data\" $1; }\n"
	"echo 'create database stepwell' | single postgres\n"
	"single stepwell <<'EOF'\n"
	"create schema s\n"
	"create table s.t (id serial primary key, n int) partition by range (id)\n"
	"create table s.t1 partition of s.t for values from (0) to (9)\n"
	"create view v as select * from s.t\n"
	"create function f() returns int language sql security definer as 'select 1'\n"
	"create aggregate g(int) (sfunc = int4pl, stype = int)\n"
	"create type e as enum ('a')\n"
	"create type r as range (subtype = float8)\n"
	"create domain d as int\n"
	"create sequence q\n"
	"select lo_create(4711)\n"
	"insert into s.t (n) values (7)\n"
	"EOF\n";

START_TEST(cluster_made_before_is_closed)
{
	const char *conninfo;
	enter(_i, NULL);
	if (!getpwnam("postgres")) {
		leave();
		return;
	}
	private_release(acquire(&conninfo));
	ck_assert(private_stop(NULL, NULL));
	ck_assert(sh(made_before));
	for (int i = 0; i < 2; i++) {
		struct private *p = acquire(&conninfo);
		expect_closed(conninfo);
		expect(conninfo, "insert into s.t (n) values (8); select sum(n) from v",
			i ? "23" : "15");
		free(query(conninfo,
			"alter table s.t add if not exists x int; drop view v; create "
			"view v as select "
			"* from s.t; drop table if exists w; create table w (e e, d d, r "
			"r); alter function f() stable; select 1"));
		expect(conninfo,
			"select (select count(*) from pg_class where relowner = 10 and "
			"relname in ('t', 't1', 'v', 'q', 'w')) + (select count(*) from "
			"pg_proc where proowner = 10 and proname in ('f', 'g')) + "
			"(select count(*) from pg_largeobject_metadata "
			"where lomowner = 10)",
			"0");
		private_release(p);
	}
	leave();
}
END_TEST

START_TEST(many_first_users_at_once)
{
	enum { COUNT = 5 };
	pid_t users[COUNT];
	enter(_i, NULL);
	for (int i = 0; i < COUNT; i++) {
		users[i] = fork();
		if (users[i] == 0) {
			const char *conninfo;
			struct private *p = acquire(&conninfo);
			expect(conninfo, "select 1", "1");
			usleep(200 * 1000);
			expect(conninfo, "select 1", "1");
			private_release(p);
			_exit(0);
		}
	}
	for (int i = 0; i < COUNT; i++) {
		int status;
		ck_assert_int_eq(waitpid(users[i], &status, 0), users[i]);
		ck_assert_int_eq(status, 0);
	}
	leave();
}
END_TEST

START_TEST(killed_users_leave_no_server)
{
	enter(_i, NULL);
	pid_t first = start_user(), second = start_user(), server = server_pid();
	pid_t parent = parent_of(server);
	ck_assert_int_ne(parent, first);
	kill_user(first);
	usleep(300 * 1000);
	ck_assert_int_eq(server_pid(), server);
	ck_assert(exists(server));
	kill_user(second);
	int ms = wait_for_death(server);
	wait_for_death(parent);
	printf("# server gone %d ms after the kill -9 of its last user\n", ms);
	fflush(stdout);
	leave();
}
END_TEST

START_TEST(newcomers_meet_a_stopping_server)
{
	enter(_i, NULL);
	for (int i = 0; i < 10; i++) {
		const char *conninfo;
		struct private *p = acquire(&conninfo);
		expect(conninfo, "select 1", "1");
		private_release(p);
		usleep((useconds_t)i * 8000);
	}
	leave();
}
END_TEST

START_TEST(server_that_stops_is_nobodys)
{
	const char *conninfo;
	enter(_i, NULL);
	struct private *p = acquire(&conninfo);
	pid_t server = server_pid(), parent = parent_of(server);
	ck_assert_int_eq(private_user(), getpid());
	/* It takes its time: what its parent has locked for that is no user's. */
	ck_assert_int_eq(kill(server, SIGSTOP), 0);
	private_release(p);
	int users = open(".wfctl/users", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(users, 0);
	while (flock(users, LOCK_SH | LOCK_NB) == 0) {
		flock(users, LOCK_UN);
		usleep(2000);
	}
	close(users);
	pid_t user = private_user();
	ck_assert(exists(server));
	ck_assert_int_eq(kill(server, SIGCONT), 0);
	ck_assert_int_eq(user, 0);
	wait_for_death(parent);
	leave();
}
END_TEST

START_TEST(killed_supervisor_takes_the_server_along)
{
	const char *conninfo;
	enter(_i, NULL);
	struct private *p = acquire(&conninfo), *again;
	char *ignored = query(conninfo, "create table t as select 1; select 1");
	free(ignored);
	pid_t server = server_pid();
	kill(parent_of(server), SIGKILL);
	wait_for_death(server);
	again = acquire(&conninfo);
	expect(conninfo, "select count(*) from t", "1");
	private_release(p);
	usleep(100 * 1000);
	expect(conninfo, "select count(*) from t", "1");
	private_release(again);
	leave();
}
END_TEST

START_TEST(killed_server_is_started_again)
{
	const char *conninfo;
	enter(_i, NULL);
	struct private *p = acquire(&conninfo);
	free(query(conninfo, "create table t as select 1; select 1"));
	pid_t server = server_pid(), parent = parent_of(server);
	kill(server, SIGKILL);
	wait_for_death(parent);
	struct private *again = acquire(&conninfo);
	expect(conninfo, "select count(*) from t", "1");
	private_release(p);
	private_release(again);
	leave();
}
END_TEST

START_TEST(user_killed_at_any_time_of_the_first_start)
{
	const char *conninfo;
	enter(_i, NULL);
	for (int ms = 10; ms < 3000; ms *= 2) {
		pid_t user = fork();
		if (user == 0) {
			acquire(&conninfo);
			_exit(0);
		}
		usleep((useconds_t)ms * 1000);
		kill_user(user);
	}
	struct private *p = acquire(&conninfo);
	expect(conninfo, "select current_database()", "stepwell");
	private_release(p);
	leave();
}
END_TEST

START_TEST(folder_that_was_not_yet_given_away)
{
	const char *conninfo;
	enter(_i, NULL);
	private_release(acquire(&conninfo));
	ck_assert(private_stop(NULL, NULL));
	ck_assert(sh("rm -rf .wfctl/data .wfctl/data.new && mkdir .wfctl/data.new"));
	struct private *p = acquire(&conninfo);
	expect(conninfo, "select current_database()", "stepwell");
	private_release(p);
	leave();
}
END_TEST

START_TEST(folder_with_an_odd_name)
{
	const char *conninfo;
	enter(_i, "with, comma 'quote' \"and\\ $x");
	struct private *p = acquire(&conninfo);
	expect(conninfo, "select current_database()", "stepwell");
	private_release(p);
	leave();
}
END_TEST

START_TEST(long_folder)
{
	const char *conninfo;
	char name[201];
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	enter(_i, name);
	struct private *p = acquire(&conninfo);
	expect(conninfo, "select current_database()", "stepwell");
	private_release(p);
	leave();
}
END_TEST

START_TEST(stop_under_its_users)
{
	const char *conninfo;
	bool was_running;
	enter(_i, NULL);
	ck_assert(private_stop(&was_running, NULL));
	ck_assert(!was_running && !private_exists());
	struct private *p = acquire(&conninfo);
	ck_assert(private_stop(&was_running, NULL));
	ck_assert(was_running);
	ck_assert(!private_is_running(p));
	/* Its socket's folder is not left to whoever comes first. */
	char *host = xstrndup(conninfo + 5, strcspn(conninfo + 5, " "));
	struct stat st;
	ck_assert_msg(stat(host, &st) == 0 && S_ISDIR(st.st_mode), "%s", host);
	ck_assert(private_stop(&was_running, NULL));
	ck_assert(!was_running);
	private_release(p);
	ck_assert(private_stop(&was_running, NULL));
	ck_assert_int_ne(stat(host, &st), 0);
	free(host);
	p = acquire(&conninfo);
	expect(conninfo, "select 1", "1");
	private_release(p);
	leave();
}
END_TEST

START_TEST(pipeline_of_the_starter_ends)
{
	int out[2];
	char byte;
	const char *conninfo;
	enter(_i, NULL);
	ck_assert_int_eq(pipe(out), 0);
	int leaky = dup(out[1]);
	pid_t starter = fork(), server;
	if (starter == 0) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		acquire(&conninfo);
		pid_t other = fork(); /* keeps the server running, but not the pipe */
		if (other == 0) {
			for (int fd = 0; fd < 3; fd++)
				close(fd);
			close(out[0]), close(out[1]), close(leaky);
			usleep(1500 * 1000);
		}
		_exit(0);
	}
	close(out[1]);
	close(leaky);
	waitpid(starter, NULL, 0);
	ck_assert_int_eq(read(out[0], &byte, 1), 0);
	server = server_pid();
	ck_assert(server && exists(server));
	close(out[0]);
	usleep(1500 * 1000);
	leave();
}
END_TEST

START_TEST(folder_can_be_moved)
{
	const char *conninfo;
	enter(_i, "old");
	struct private *p = acquire(&conninfo);
	free(query(conninfo, "create table t as select 1; select 1"));
	private_release(p);
	ck_assert_int_eq(chdir(".."), 0);
	ck_assert_int_eq(rename("old", "new"), 0);
	ck_assert_int_eq(chdir("new"), 0);
	p = acquire(&conninfo);
	expect(conninfo, "select count(*) from t", "1");
	private_release(p);
	leave();
}
END_TEST

static void move_under_users(int round)
{
	const char *conninfo, *other;
	enter(round, "old");
	struct private *p = acquire(&conninfo);
	free(query(conninfo, "create table t as select 1; select 1"));
	ck_assert_int_eq(chdir(".."), 0);
	ck_assert_int_eq(rename("old", "new"), 0);
	ck_assert_int_eq(chdir("new"), 0);
	struct private *q = acquire(&other);
	expect(other, "select count(*) from t", "1");
	private_release(p);
	expect(other, "select count(*) from t", "1");
	private_release(q);
	leave();
}

START_TEST(folder_is_moved_under_its_users)
{
	move_under_users(_i);
}
END_TEST

START_TEST(plain_folder_is_moved_under_its_users)
{
	plain = true;
	move_under_users(_i);
}
END_TEST

START_TEST(cluster_of_another_user_is_refused)
{
	struct private *p;
	const char *conninfo;
	struct error err = {0};
	if (geteuid() != 0)
		return;
	enter(0, NULL);
	ck_assert_int_eq(mkdir(".wfctl", 0755), 0);
	struct passwd *nobody = getpwnam("nobody");
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(seteuid(nobody->pw_uid), 0);
	ck_assert(!private_acquire(&p, &conninfo, &err));
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	ck_assert_int_eq(seteuid(0), 0);
	leave();
}
END_TEST

START_TEST(broken_cluster_is_told_from_its_log)
{
	struct private *p;
	const char *conninfo;
	struct error err = {0};
	enter(_i, NULL);
	private_release(acquire(&conninfo));
	ck_assert(private_stop(NULL, NULL));
	ck_assert(sh("echo 'nonsense = 1' >>.wfctl/data/postgresql.conf"));
	ck_assert(!private_acquire(&p, &conninfo, &err));
	ck_assert_msg(strstr(err.text, "did not start"), "%s", err.text);
	ck_assert_msg(strstr(err.text, "log"), "%s", err.text);
	leave();
}
END_TEST

int main(void)
{
	int rounds = geteuid() == 0 ? 2 : 1;
	Suite *suite = suite_create("private");
	TCase *t = tcase_create("private");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, first_start_makes_all_and_later_ones_are_quick, 0, rounds);
	tcase_add_loop_test(t, server_is_durable_local_and_not_root, 0, rounds);
	tcase_add_loop_test(t, nobody_is_its_superuser, 0, rounds);
	tcase_add_loop_test(t, cluster_made_before_is_closed, 0, rounds);
	tcase_add_loop_test(t, many_first_users_at_once, 0, rounds);
	tcase_add_loop_test(t, killed_users_leave_no_server, 0, rounds);
	tcase_add_loop_test(t, newcomers_meet_a_stopping_server, 0, rounds);
	tcase_add_loop_test(t, server_that_stops_is_nobodys, 0, rounds);
	tcase_add_loop_test(t, killed_supervisor_takes_the_server_along, 0, rounds);
	tcase_add_loop_test(t, killed_server_is_started_again, 0, rounds);
	tcase_add_loop_test(t, user_killed_at_any_time_of_the_first_start, 0, rounds);
	tcase_add_loop_test(t, folder_that_was_not_yet_given_away, 0, rounds);
	tcase_add_loop_test(t, folder_with_an_odd_name, 0, rounds);
	tcase_add_loop_test(t, long_folder, 0, rounds);
	tcase_add_loop_test(t, stop_under_its_users, 0, rounds);
	tcase_add_loop_test(t, pipeline_of_the_starter_ends, 0, rounds);
	tcase_add_loop_test(t, folder_can_be_moved, 0, rounds);
	tcase_add_loop_test(t, folder_is_moved_under_its_users, 0, rounds);
	tcase_add_loop_test(t, plain_folder_is_moved_under_its_users, 0, rounds);
	tcase_add_loop_test(t, broken_cluster_is_told_from_its_log, 0, rounds);
	tcase_add_test(t, cluster_of_another_user_is_refused);
	suite_add_tcase(suite, t);
	return suite_exit(suite);
}
