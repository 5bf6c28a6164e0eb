// Frames and packets of several pieces. [W]
#ifndef VIGIL_DATAPLANE_JOIN_H
#define VIGIL_DATAPLANE_JOIN_H

#include "worker.h"

// One piece of memory with room for ESP around it for a chain of segments, with all that is known
// of the packet. Takes m. NULL: it was dropped and counted.
struct rte_mbuf *join(struct worker *w, struct rte_mbuf *m);

#endif
