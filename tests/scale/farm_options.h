// What the farm is told on its command line.
#ifndef VIGIL_TESTS_SCALE_FARM_OPTIONS_H
#define VIGIL_TESTS_SCALE_FARM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "farm_faults.h"

struct farm_options {
	const char *socket, *lan, *device; // the gateway's memif sockets; or a device of DPDK's
	const char *psk, *json;
	uint32_t peers, rate, window;
	uint32_t setup_s, run_s, kill; // kill: percent
	uint32_t interval_s, retry_s;
	bool hellos;                // the peers ask as well
	bool on_demand;             // the gateway asks only whom it doubts
	bool nat;                   // the peers are behind NATs
	bool des;                   // IKE with 3DES
	uint32_t restart;           // percent of the peers that forget everything and begin afresh
	uint32_t bye;               // percent of the peers that delete their SAs, and come back
	bool comeback;              // the dead live again
	uint32_t gateway;           // process ID, 0 = not known
	uint32_t flood;             // first messages of strangers, a second
	double traffic;             // percent of the peers
	uint32_t pings;             // a second, through all of them; 0 = one a tunnel
	uint32_t overload, garbage; // frames a second
	uint32_t admit;             // set-ups a second that the gateway may admit; 0 = any
	struct farm_faults faults;
};

// False: there is no sense in it.
bool farm_options_read(struct farm_options *o, int argc, char **argv);
void farm_usage(FILE *to);

#endif
