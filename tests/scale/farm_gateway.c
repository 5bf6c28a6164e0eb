// See farm_gateway.h. One thread.
#include "farm_gateway.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// utime and stime of a stat file, in seconds; what is before them ends with the name's bracket.
static bool read_cpu(const char *path, double *seconds)
{
	unsigned long user, system;
	FILE *file = fopen(path, "r");
	char line[1024];
	const char *rest;
	bool good;

	if (!file)
		return false;
	good = fgets(line, sizeof(line), file) && (rest = strrchr(line, ')')) &&
	       sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
	              &system) == 2;
	fclose(file);
	if (good)
		*seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	return good;
}

static bool read_rss(const char *path, double *kib)
{
	FILE *file = fopen(path, "r");
	char line[256];
	bool good = false;

	if (!file)
		return false;
	while (!good && fgets(line, sizeof(line), file))
		good = sscanf(line, "VmRSS: %lf", kib) == 1;
	fclose(file);
	return good;
}

static bool is_helper(int pid, const char *task)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/comm", pid, task);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = 0;
	fclose(file);
	return strcmp(name, "vigil-dh\n") == 0;
}

// Of the threads that do the Diffie-Hellman.
static double helpers_cpu(int pid)
{
	char path[64];
	struct dirent *e;
	double sum = 0, one;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stat", pid, e->d_name);
		if (is_helper(pid, e->d_name) && read_cpu(path, &one))
			sum += one;
	}
	if (dir)
		closedir(dir);
	return sum;
}

bool gateway_use_read(int pid, struct gateway_use *out)
{
	struct timespec t;
	char path[64];

	clock_gettime(CLOCK_MONOTONIC, &t);
	out->at = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
	if (!read_cpu(path, &out->control))
		return false;
	out->helpers = helpers_cpu(pid);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!read_cpu(path, &out->all))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return read_rss(path, &out->rss);
}
