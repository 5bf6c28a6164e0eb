// The command line of the benchmark.
#ifndef VIGIL_TESTS_PERF_OPTIONS_H
#define VIGIL_TESTS_PERF_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "suites.h"

#define OPTIONS_LIST 16

struct options_suite {
	const char *name, *word; // for people; on the command line
	struct suite suite;
};

struct options {
	const struct options_suite *suites[OPTIONS_LIST];
	uint32_t frames[OPTIONS_LIST];
	uint32_t sas[OPTIONS_LIST]; // ascending
	unsigned n_suites, n_frames, n_sas;
	bool out, in;
	unsigned ms; // for a cell
	int cpu;     // -1: the last one
	bool memory; // only say how much memory it takes
	const char *json;
};

// 0 = go on, else the program's status + 1; a text has been printed.
int options_parse(struct options *o, int argc, char **argv);

#endif
