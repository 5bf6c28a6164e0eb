// Dummy packets (RFC 4303 2.6), so that who watches does not see when a tunnel is idle: next header
// 59, which the other end discards. [W] An SA sends one every so many ticks while its flow uses it.
// They are no sign of traffic: no activity is marked, no peer is doubted for not answering them.
#ifndef VIGIL_DATAPLANE_DUMMY_H
#define VIGIL_DATAPLANE_DUMMY_H

#include "worker.h"

#define DUMMY_SLOTS 256u // lists of SAs, by the tick when they are due, modulo
#define DUMMY_BURST 16u  // sent a turn, at most
#define DUMMY_LOOKS 64u  // SAs and ticks looked at a turn, at most

struct sa;

// A worker's part. Lists are of SA slots + 1, 0 ends one; see struct sa_dummy.
struct dummies {
	uint32_t slots[DUMMY_SLOTS];
	uint32_t n;      // SAs in the lists
	tick_t at;       // all before it have been looked at
	uint32_t cursor; // the next to look at in the list of `at`; 0 = that is done too
	uint64_t random; // state of xorshift64
};

void dummy_init(struct dummies *d);
// This outbound SA is its flow's from now on. Does nothing if it sends none, or does so already.
void dummy_arm(struct worker *w, struct sa *sa);
// No more; the SA may go.
void dummy_disarm(struct worker *w, struct sa *sa);
// Outer packets that are due, encrypted, on their way out: DUMMY_BURST at most. What is not done in
// one turn is in the next.
uint16_t dummy_packets(struct worker *w, struct rte_mbuf **pkts);
// Is there more to look at than the last turn's bounds allowed? Then the worker must not sleep.
bool dummy_behind(const struct worker *w);

#endif
