// A gateway with one worker and no ports for measurements: the tables and the stages are the real
// ones, the caller plays the worker loop. One thread.
#ifndef VIGIL_TESTS_PERF_RIG_H
#define VIGIL_TESTS_PERF_RIG_H

#include "dp_internal.h"
#include "sa.h"
#include "suites.h"
#include "worker.h"

#define RIG_BURST 32u

struct rig {
	struct dp dp;
	struct worker *worker;
	uint32_t n_flows;
	struct handle *tunnels;
	// Keys of each flow's outbound and inbound SA: the same bytes in memory of their own.
	const struct sa_keys **out_keys, **in_keys;
	struct sa shape;  // an outbound SA: what all of them have in common
	uint32_t *order;  // flows 0..n in random order, for the n of rig_visit()
	uint32_t n, next; // flows that are visited; place in `order`
	struct rte_mbuf *pkts[RIG_BURST];
};

// Flows of one suite, each with a pair of SAs that lead back to this gateway, replay protection
// and on-demand DPD on. 0 or -errno.
int rig_start(struct rig *r, const struct suite *suite, uint32_t n_flows, uint64_t tsc_hz);
void rig_stop(struct rig *r);

// From now on the first n flows are visited, in a new random order.
void rig_visit(struct rig *r, uint32_t n);
// The flow of the next packet: each is visited once before one is visited again.
static inline uint32_t rig_next(struct rig *r)
{
	uint32_t flow = r->order[r->next];

	r->next = r->next + 1 == r->n ? 0 : r->next + 1;
	return flow;
}

// The burst becomes inner IPv4 packets of `len` bytes.
void rig_fill(struct rig *r, uint16_t len);
// The burst as policy_out would leave it, each packet for the next flow.
void rig_ready(struct rig *r);
// The burst as classify would leave it when it comes in.
void rig_arrive(struct rig *r);

// The first reason for which the worker has dropped a packet, or NULL: none.
const char *rig_dropped(const struct rig *r);

#endif
