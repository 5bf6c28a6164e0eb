// What a packet is, seen from outside.
#ifndef VIGIL_DATAPLANE_CLASSIFY_H
#define VIGIL_DATAPLANE_CLASSIFY_H

#include "worker.h"

// [W] A whole IPv4 packet for one of the gateway's own addresses that came in clear: ESP, IKE
// (punted), or something for local(). True: goes on, packet.kind is set. False: taken.
bool classify_own(struct worker *w, struct rte_mbuf *m);

// [W] The stage classify for frames without tags that all came in on one interface.
uint16_t classify_frames(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n);

#endif
