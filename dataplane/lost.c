// Ranges of addresses, replaced as a whole. [C] writes, [W] reads.
#include "lost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

struct lost {
	struct reclaim_item item;
	uint32_t n;
	struct dp_range ranges[];
};

void lost_init(struct dp *dp)
{
	reclaim_init(&dp->lost_before, dp->rcu);
}

void lost_fini(struct dp *dp)
{
	reclaim_fini(&dp->lost_before);
	free(dp->lost);
	dp->lost = NULL;
}

int dp_lost_networks(struct dp *dp, const struct dp_range *ranges, uint32_t n)
{
	struct lost *before = dp->lost, *now = NULL;

	if (n) {
		now = malloc(sizeof(*now) + n * sizeof(*ranges));
		if (!now)
			return -ENOMEM;
		now->n = n;
		memcpy(now->ranges, ranges, n * sizeof(*ranges));
	}
	// Release: readers see what it holds.
	__atomic_store_n(&dp->lost, now, __ATOMIC_RELEASE);
	if (before)
		reclaim_defer(&dp->lost_before, &before->item);
	reclaim_free(&dp->lost_before, UINT_MAX);
	return 0;
}

bool lost_has(const struct dp *dp, uint8_t family, const void *dst)
{
	// Acquire: pairs with the release above.
	const struct lost *l = __atomic_load_n(&dp->lost, __ATOMIC_ACQUIRE);
	uint32_t low = 0, high = l ? l->n : 0;
	struct ip_addr addr;

	if (!high)
		return false;
	addr = addr_from_bytes(family, dst);
	while (low < high) { // the first that ends at the address or behind it
		uint32_t middle = low + (high - low) / 2;

		if (addr_compare(&l->ranges[middle].last, &addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->n && addr_compare(&l->ranges[low].first, &addr) <= 0;
}
