// How often a time was how long, up to 30 seconds.
#ifndef VIGIL_TESTS_SCALE_FARM_HISTOGRAM_H
#define VIGIL_TESTS_SCALE_FARM_HISTOGRAM_H

#include <stdint.h>

#define FARM_BUCKETS 30001u // of a millisecond; the last one is for all that is later

struct histogram {
	uint64_t n, max;
	uint64_t buckets[FARM_BUCKETS];
};

static inline void histogram_add(struct histogram *h, uint64_t ms)
{
	h->n++;
	h->buckets[ms < FARM_BUCKETS ? ms : FARM_BUCKETS - 1]++;
	h->max = ms > h->max ? ms : h->max;
}

// The value that a share of `part` in 1000 does not exceed.
static inline uint64_t histogram_part(const struct histogram *h, unsigned part)
{
	uint64_t wanted = (h->n * part + 999) / 1000, seen = 0;

	for (uint32_t i = 0; i < FARM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= wanted && h->n)
			return i;
	}
	return h->max;
}

#endif
