// Starts EAL for a unit test: no hugepages, no devices, nothing shared with other processes.
#ifndef VIGIL_TESTS_DATAPLANE_TEST_EAL_H
#define VIGIL_TESTS_DATAPLANE_TEST_EAL_H

#include <rte_eal.h>

static inline int eal_start(void **state)
{
	char *args[] = {"test",         "--no-huge",      "--no-shconf", "--no-pci", "-m", "128",
	                "--lcores=0@0", "--no-telemetry", "--log-level", "1",        NULL};

	(void)state;
	return rte_eal_init(10, args) < 0 ? -1 : 0;
}

static inline int eal_stop(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

// A small generator with a fixed seed: a failure comes back.
static inline uint32_t rng(uint32_t below)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)((x >> 11) % below);
}

#endif
