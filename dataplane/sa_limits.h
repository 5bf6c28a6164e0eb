// Lifetimes of SAs in packets and bytes. [W] `until` is a count of packets (outbound: a sequence
// number) before which no limit can be reached, whatever their sizes: one comparison for a run of
// packets. Near a limit, and once in a while, it is found anew.
#ifndef VIGIL_DATAPLANE_SA_LIMITS_H
#define VIGIL_DATAPLANE_SA_LIMITS_H

#include <rte_branch_prediction.h>

#include "sa.h"

#define SA_LIMITS_AHEAD (1ull << 30) // packets that `until` looks ahead, at most

// Finds `until` anew (esp.c). Is a limit reached by so many packets of so many bytes more?
bool sa_limits_renew(struct sa *sa, uint32_t packets, uint64_t bytes);

// The same; `used` are the packets so far.
static inline bool sa_limit_near(struct sa *sa, uint64_t used, uint32_t packets, uint64_t bytes)
{
	// `until` is never farther away: what has passed it is beyond that as well.
	return unlikely(sa->until - used - packets - 1 >= SA_LIMITS_AHEAD) &&
	       sa_limits_renew(sa, packets, bytes);
}

#endif
