// Where packets leave: which port, and which Ethernet header. Found once for packets in a row that
// go the same way.
#ifndef VIGIL_DATAPLANE_EGRESS_H
#define VIGIL_DATAPLANE_EGRESS_H

#include <rte_ether.h>
#include <string.h>

#include "worker.h"

struct egress_way {
	uint32_t next_hop; // network order
	uint16_t iface;
	bool open;     // neighbour known, interface up, a queue of this worker's
	uint32_t mtu;  // of the interface
	uint64_t head; // of the Ethernet header: destination, first two bytes of the source
	uint64_t tail; // its last eight bytes: source, type
	struct worker_tx *tx;
};

// [W]
void egress_way_find(struct worker *w, uint16_t iface, uint32_t next_hop, struct egress_way *way);

static inline void egress_put_header(const struct egress_way *way, uint8_t *eth)
{
	memcpy(eth, &way->head, sizeof(way->head));
	memcpy(eth + RTE_ETHER_HDR_LEN - sizeof(way->tail), &way->tail, sizeof(way->tail));
}

#endif
