// What a run of the farm has measured.
#ifndef VIGIL_TESTS_SCALE_FARM_REPORT_H
#define VIGIL_TESTS_SCALE_FARM_REPORT_H

#include <stdio.h>

#include "farm_gateway.h"
#include "farm_histogram.h"
#include "farm_options.h"
#include "farm_traffic.h"

// How long it was until all were up, or the time was over; and what the gateway needed.
struct farm_took {
	uint32_t setup_ms, restart_ms, bye_ms, return_ms;
	uint64_t after_bye; // messages to peers that had said goodbye
	uint64_t setups;    // in setup_ms
	uint64_t exchanges; // while steady
	uint64_t pings_lost;
	struct gateway_use before, up, steady;
};

struct farm_run {
	struct farm_options options;
	struct farm farm;
	struct farm_net net;
	struct farm_traffic traffic;
	struct histogram late, late_steady, found; // ms; late: all the time, and while steady
	bool is_steady;
	uint32_t expected;      // deaths that the gateway must tell
	uint32_t most_renewals; // in a second
	uint64_t strangers;
	struct farm_took took;
};

// As JSON.
void farm_report(FILE *out, const struct farm_run *r);

#endif
