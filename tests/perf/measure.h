// Times what stands in one cell of the table: the cryptography alone, the rig alone, and the
// gateway, in turn, many times. One thread.
#ifndef VIGIL_TESTS_PERF_MEASURE_H
#define VIGIL_TESTS_PERF_MEASURE_H

#include "raw.h"
#include "report.h"
#include "rig.h"

#define MEASURE_PACKETS RAW_PACKETS // of each probe in a round
#define MEASURE_ROUNDS  8192u       // of a cell, at most

// TSC cycles a packet (the machine's state: a step), a row for each probe.
struct samples {
	unsigned n;
	float of[PROBES][MEASURE_ROUNDS];
};

struct measure {
	struct gateway gateway;
	struct rig rig;
	struct raw raw;
	uint64_t tsc_hz;   // measured against the kernel's clock
	uint64_t overhead; // cycles of reading the TSC twice, taken off each time
	bool looking;      // the worker stamps its stages in every turn
};

// The TSC's rate and the cost of reading it.
void measure_tsc(struct measure *m);
// The rig is open for the cell's frames and flows. Rounds for so many milliseconds are added to the
// samples, after others that warm up. False: something was lost or dropped; a text is on stderr.
bool measure_cell(struct measure *m, bool inbound, unsigned ms, struct samples *s);
// After a cell: TSC cycles a packet of each stage of the worker (enum dp_stage), whose stamps are
// part of them. False: as above.
bool measure_stages(struct measure *m, bool inbound, float stages[DP_STAGES]);

#endif
