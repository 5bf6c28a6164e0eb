// What a measurement found, for people and for programs. One thread.
#ifndef VIGIL_TESTS_PERF_REPORT_H
#define VIGIL_TESTS_PERF_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dp.h"

// What is timed; in this order in every round.
enum probe {
	PROBE_STATE, // the machine: a step of a fixed loop
	PROBE_RAW,
	PROBE_RAW_PREFETCHED,
	PROBE_RAW_CALLS, // without jobs; PROBE_RAW again where the suite has no such call
	PROBE_RIG,
	PROBE_VIGIL,
	PROBES,
};

// Cycles over the rounds of one cell.
struct spread {
	double median, p25, p75;
};

struct result {
	const char *suite, *direction;
	uint32_t sas;
	uint16_t frame;
	unsigned rounds;
	struct spread of[PROBES];
	float stages[DP_STAGES]; // TSC cycles a packet, from other rounds than Vigil's
};

struct machine {
	char cpu[128];
	char command[512];
	char memory[96];
	unsigned cpus, pinned; // of the machine; number of the one that is used
	double tsc_mhz;
	unsigned burst, packets; // packets of a probe in a round
};

// Sorts the samples. n is at least 1.
struct spread report_spread(float *samples, unsigned n);

void report_machine(FILE *out, const struct machine *m);
void report_head(FILE *out, const char *suite, uint32_t sas);
void report_row(FILE *out, const struct result *r);
void report_end(FILE *out, const struct result *results, unsigned n);
// Everything as one JSON object. False: it could not be written.
bool report_json(FILE *out, const struct machine *m, const struct result *results, unsigned n);

#endif
