// What the gateway's process has used so far, as the kernel counts it.
#ifndef VIGIL_TESTS_SCALE_FARM_GATEWAY_H
#define VIGIL_TESTS_SCALE_FARM_GATEWAY_H

#include <stdbool.h>

struct gateway_use {
	double at; // seconds, of the monotonic clock
	// Seconds of CPU: the first thread, which is the control core; those called vigil-dh; all.
	double control, helpers, all;
	double rss; // KiB resident, with the buffers of the memif cables between the two
};

// Threads' CPU comes in steps of the kernel's clock tick, 10 ms. False: there is no such process.
bool gateway_use_read(int pid, struct gateway_use *out);

#endif
