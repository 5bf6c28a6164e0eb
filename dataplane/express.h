// The short ways: packets that need nothing but to be put into a tunnel, or taken out of one, go
// from port to port in one piece of code.
#ifndef VIGIL_DATAPLANE_EXPRESS_H
#define VIGIL_DATAPLANE_EXPRESS_H

#include "worker.h"

// [W] Frames that came in on a port's interface. Takes the packets in front for which no stage of
// the long way (worker.c) would have anything special to say, and does to them what those stages
// would have done; returns how many. The first one that is left, and all behind it, go the long
// way: so no packet overtakes another, and nothing is decided here that is not decided there.
uint16_t express_out(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n);
uint16_t express_in(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n);

#endif
