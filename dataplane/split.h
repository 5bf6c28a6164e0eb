// Packets that their tunnel would make too long for its path, cut before encryption so that the far
// gateway needs not put anything together ("look-ahead fragmentation"). [W]
#ifndef VIGIL_DATAPLANE_SPLIT_H
#define VIGIL_DATAPLANE_SPLIT_H

#include "worker.h"

// Puts a packet aside that may be cut: IPv4, without DF or as if it had none, or IPv6 of the
// gateway's own. `room` is the longest inner packet that fits, 1280 or more for IPv6. Takes it in
// any case.
void split_later(struct worker *w, struct rte_mbuf *m, uint16_t room);
// The parts of packets that were put aside: PACKET_TUNNEL, at most WORKER_BURST. 0: no more. Must
// be called until it says so before the next packets are encrypted.
uint16_t split_parts(struct worker *w, struct rte_mbuf *parts[WORKER_BURST]);
// Frees what is left; the worker has stopped.
void split_fini(struct worker *w);

#endif
