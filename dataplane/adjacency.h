// Neighbours: {interface, IPv4 address} -> MAC. [C] writes, [W] reads without locks.
#ifndef VIGIL_DATAPLANE_ADJACENCY_H
#define VIGIL_DATAPLANE_ADJACENCY_H

#include "worker.h"

// [C] before launch and after the end. 0 or -errno.
int adjacency_init(struct dp *dp);
void adjacency_fini(struct dp *dp);
int adjacency_wait_init(struct worker *w);
void adjacency_wait_fini(struct worker *w);
// [W], [C] False: not known. `addr` in network order.
bool adjacency_find(const struct dp *dp, uint16_t iface, uint32_t addr, struct rte_ether_addr *mac);
// Puts the Ethernet header in front of an IPv4 packet. False: no room.
bool adjacency_header(struct rte_mbuf *m, const struct iface *iface,
                      const struct rte_ether_addr *to);
// [W] What waits for this neighbour: goes on to tx, or is dropped.
void adjacency_release(struct worker *w, uint16_t iface, uint32_t addr);
void adjacency_give_up(struct worker *w, uint16_t iface, uint32_t addr);
// [W] Once a tick: what waits too long is dropped; events that found no room are raised again.
void adjacency_tick(struct worker *w);

#endif
