// Packets for the control core: three bounded rings a worker. A full ring is a drop and a counter.
#ifndef VIGIL_DATAPLANE_PUNT_H
#define VIGIL_DATAPLANE_PUNT_H

#include "worker.h"

// [W] An ISAKMP message, at packet.ike from the start of the data; at least PUNT_IKE_MIN bytes are
// there. Chooses the ring by the cookies. Takes it.
#define PUNT_IKE_MIN 28 // RFC 2408, 3.1
void punt_ike(struct worker *w, struct rte_mbuf *m);
// [W] A whole Ethernet frame. Takes it.
void punt_frame(struct worker *w, struct rte_mbuf *m);
// [any] Does one of the two cookies of this ISAKMP header name a slot in use? Then *slot is that.
bool punt_is_established(const uint32_t *tags, uint32_t slots, const uint8_t *header, size_t len,
                         uint32_t *slot);
// [C] 0 or -ENOMEM.
int punt_init(struct worker *w);
void punt_fini(struct worker *w);

#endif
