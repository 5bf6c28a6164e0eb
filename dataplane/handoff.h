// Rings between workers: one for each pair, single producer, single consumer, bounded.
#ifndef VIGIL_DATAPLANE_HANDOFF_H
#define VIGIL_DATAPLANE_HANDOFF_H

#include "worker.h"

// [C] before launch and after the end. 0 or -errno.
int handoff_init(struct dp *dp);
void handoff_fini(struct dp *dp);
// [W] At most `max` packets from worker `from`; kind says which stage takes each.
uint16_t handoff_recv(struct worker *w, unsigned from, struct rte_mbuf **pkts, uint16_t max);

#endif
