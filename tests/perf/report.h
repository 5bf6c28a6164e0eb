// What a measurement found, for people and for programs. One thread.
#ifndef VIGIL_TESTS_PERF_REPORT_H
#define VIGIL_TESTS_PERF_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// What is timed; in this order in every round.
enum probe {
	PROBE_RAW_ENCRYPT,
	PROBE_RAW_DECRYPT,
	PROBE_ESP_OUT,
	PROBE_ESP_IN,
	PROBES,
};

// TSC cycles a packet over the rounds of one cell.
struct spread {
	double median, p25, p75;
};

struct result {
	const char *suite;
	uint32_t sas;
	uint16_t len; // bytes of the inner packet
	unsigned rounds;
	struct spread of[PROBES];
};

struct machine {
	char cpu[128];
	char command[512];
	unsigned cpus, pinned; // of the machine; number of the one that is used
	double tsc_mhz;        // measured against the kernel's clock
	unsigned hugepages_mb; // 0 = small pages
	unsigned burst, bursts;
};

// Sorts the samples. n is at least 1.
struct spread report_spread(float *samples, unsigned n);

void report_machine(FILE *out, const struct machine *m);
// Some results of one suite: a block of the table.
void report_block(FILE *out, const struct result *results, unsigned n);
void report_end(FILE *out);
// Everything as one JSON object. False: it could not be written.
bool report_json(FILE *out, const struct machine *m, const struct result *results, unsigned n);

#endif
