// What a packet is, seen from outside.
#ifndef VIGIL_DATAPLANE_CLASSIFY_H
#define VIGIL_DATAPLANE_CLASSIFY_H

#include "worker.h"

// [W] A whole IPv4 packet for one of the gateway's own addresses that came in clear: ESP, IKE
// (punted), or something for local(). True: goes on, packet.kind is set. False: taken.
bool classify_own(struct worker *w, struct rte_mbuf *m);

// [W] The same of a whole IPv6 packet (classify6.c).
bool classify_own6(struct worker *w, struct rte_mbuf *m);

// [W] Has an IPv4 packet, whose ihl is known, a source route among its options, or options that
// nobody can read? Neither is forwarded.
bool classify_source_route(struct rte_mbuf *m);
// [W] A UDP datagram for one of the gateway's own addresses, whose header is `at` bytes behind the
// start of the packet: IKE, ESP in UDP (packet.kind is set), or something else. False: taken.
bool classify_udp(struct worker *w, struct rte_mbuf *m, uint16_t at);
// [W] Any IPv6 packet from outside, the Ethernet header taken off. True: goes on, packet.kind is
// set.
bool classify_ipv6(struct worker *w, const struct iface *iface, struct rte_mbuf *m);

// [W] The stage classify for frames without tags that all came in on one interface.
uint16_t classify_frames(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n);

#endif
