// Neighbours: {interface, address} -> MAC. [C] writes, [W] reads without locks.
#ifndef VIGIL_DATAPLANE_ADJACENCY_H
#define VIGIL_DATAPLANE_ADJACENCY_H

#include "worker.h"

// [C] before launch and after the end. 0 or -errno.
int adjacency_init(struct dp *dp);
void adjacency_fini(struct dp *dp);
int adjacency_wait_init(struct worker *w);
void adjacency_wait_fini(struct worker *w);
// An address as a neighbour's: IPv4 is mapped into IPv6 (RFC 4291, 2.5.5.2).
struct adjacency_key {
	alignas(8) uint8_t addr[16]; // network order
	uint32_t iface;
	uint32_t zero; // no padding: all bytes are hashed, eight at a time
};

static inline struct adjacency_key adjacency_key4(uint16_t iface, uint32_t addr)
{
	struct adjacency_key key = {.addr = {[10] = 0xff, [11] = 0xff}, .iface = iface};

	memcpy(key.addr + 12, &addr, sizeof(addr));
	return key;
}

static inline struct adjacency_key adjacency_key6(uint16_t iface, const uint8_t addr[16])
{
	struct adjacency_key key = {.iface = iface};

	memcpy(key.addr, addr, sizeof(key.addr));
	return key;
}

// [W], [C] False: not known.
bool adjacency_find(const struct dp *dp, const struct adjacency_key *key,
                    struct rte_ether_addr *mac);
// [W] The same; what this worker holds for the neighbour goes first, though the message that says
// it is known is still on its way: no packet overtakes those.
bool adjacency_take(struct worker *w, const struct adjacency_key *key, struct rte_ether_addr *mac);
// Puts the Ethernet header in front of an IP packet. False: no room.
bool adjacency_header(struct rte_mbuf *m, const struct iface *iface,
                      const struct rte_ether_addr *to);
// [W] What waits for this neighbour: goes on to tx, or is dropped.
void adjacency_release(struct worker *w, const struct adjacency_key *key);
void adjacency_give_up(struct worker *w, const struct adjacency_key *key);
// [W] Once a tick: what waits too long is dropped; events that found no room are raised again.
void adjacency_tick(struct worker *w);

#endif
