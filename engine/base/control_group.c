/*
 * Files of control groups. Version 2 has one hierarchy, whose groups count kills in
 * memory.events where their memory is controlled; version 1 has one for memory. A group
 * is made only below our own, so whatever bounds us bounds it. It is removed when its
 * process has ended; what a worker left that was killed, the next one removes that makes
 * one.
 */
#include "base/control_group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_LIMIT ((uint64_t)1 << 60) /* version 1 has a number for none */

/* The names of one version's files. */
struct version {
	const char *controller, *top, *limit, *used, *kills, *hits, *hits_word;
};

static const struct version versions[] = {
	{"", "/sys/fs/cgroup", "memory.max", "memory.current", "memory.events",
		"memory.events", "oom "},
	{"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
		"memory.usage_in_bytes", "memory.oom_control", "memory.failcnt", ""},
};
#define VERSIONS (sizeof versions / sizeof *versions)

/* The number behind `word` at the start of a line of the file; 0: there is none. */
static bool read_number(
	const char *dir, const char *name, const char *word, uint64_t *ret)
{
	char path[CONTROL_GROUP_PATH + 64], line[128];
	size_t n = strlen(word);
	bool found = false;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof line, f)) {
		found = strncmp(line, word, n) == 0 && line[n] >= '0' && line[n] <= '9';
		if (found)
			*ret = strtoull(line + n, NULL, 10);
	}
	if (f)
		fclose(f);
	return found;
}

/* The path of our group in the hierarchy of a version, as a folder. */
static bool find_ours(
	const char *root, const struct version *v, char ret[CONTROL_GROUP_PATH])
{
	char path[256], line[1024];
	bool found = false;
	size_t n = strlen(v->controller);
	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	FILE *f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof line, f)) {
		const char *rest = strchr(line, ':');
		line[strcspn(line, "\n")] = '\0';
		found = rest && strncmp(rest + 1, v->controller, n) == 0 &&
			rest[1 + n] == ':' &&
			snprintf(ret, CONTROL_GROUP_PATH, "%s%s%s", root, v->top,
				rest + 2 + n) < CONTROL_GROUP_PATH - 64;
	}
	if (f)
		fclose(f);
	while (found && ret[strlen(ret) - 1] == '/')
		ret[strlen(ret) - 1] = '\0';
	return found;
}

static void take_less(const char *dir, const struct version *v, struct group_memory *ret)
{
	struct group_memory m;
	if (!read_number(dir, v->limit, "", &m.limit) || m.limit >= NO_LIMIT ||
		!read_number(dir, v->used, "", &m.used))
		return;
	m.used = m.used < m.limit ? m.used : m.limit;
	if (!ret->limit || m.limit - m.used < ret->limit - ret->used)
		*ret = m;
}

bool group_memory(const char *root, struct group_memory *ret)
{
	struct group_memory least = {0};
	for (size_t i = 0; i < VERSIONS; i++) {
		char dir[CONTROL_GROUP_PATH];
		if (!find_ours(root, &versions[i], dir))
			continue;
		size_t top = strlen(root) + strlen(versions[i].top);
		for (; strlen(dir) >= top; *strrchr(dir, '/') = '\0')
			take_less(dir, &versions[i], &least);
	}
	if (least.limit)
		*ret = least;
	return least.limit > 0;
}

static bool write_number(const char *dir, const char *name, uint64_t number)
{
	char path[CONTROL_GROUP_PATH + 64];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && dprintf(fd, "%llu", (unsigned long long)number) > 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool counts(const char *dir, const struct version *v)
{
	uint64_t ignored;
	return read_number(dir, v->kills, "oom_kill ", &ignored) &&
	       read_number(dir, v->hits, v->hits_word, &ignored);
}

/* Those of names like this one that are empty; a group in use cannot be removed. */
static void remove_left(const char *dir, const char *name)
{
	char path[2 * CONTROL_GROUP_PATH];
	size_t n = strcspn(name, ".") + 1;
	const struct dirent *entry;
	DIR *d = opendir(dir);
	while (d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, name, n) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		rmdir(path);
	}
	if (d)
		closedir(d);
}

bool group_make(
	const char *root, const char *name, uint64_t limit, char ret[CONTROL_GROUP_PATH])
{
	for (size_t i = 0; i < VERSIONS; i++) {
		const struct version *v = &versions[i];
		char dir[CONTROL_GROUP_PATH];
		if (!find_ours(root, v, dir))
			continue;
		size_t n = strlen(dir);
		remove_left(dir, name);
		snprintf(dir + n, sizeof dir - n, "/%s", name);
		if (mkdir(dir, 0700) != 0 && errno != EEXIST)
			continue;
		if (counts(dir, v) && write_number(dir, v->limit, limit)) {
			memcpy(ret, dir, sizeof dir);
			return true;
		}
		rmdir(dir);
	}
	return false;
}

void group_remove(const char *path)
{
	if (*path)
		rmdir(path);
}

bool group_enter(const char *path)
{
	return write_number(path, "cgroup.procs", 0);
}

uint64_t group_kills(const char *path)
{
	for (size_t i = 0; *path && i < VERSIONS; i++) {
		const struct version *v = &versions[i];
		uint64_t kills, hits;
		if (read_number(path, v->kills, "oom_kill ", &kills) &&
			read_number(path, v->hits, v->hits_word, &hits))
			return hits ? kills : 0;
	}
	return 0;
}
