// Transport mode (RFC 4303 3.1.1): the packet keeps its IP header, options and all, and what
// follows that is encrypted. [W] For packets between the two ends of the SA alone; what a gateway
// forwards goes through tunnels (RFC 4301 4.1).
#ifndef VIGIL_DATAPLANE_ESP_TRANSPORT_H
#define VIGIL_DATAPLANE_ESP_TRANSPORT_H

#include "crypto.h"
#include "worker.h"

// Wraps packets of one SA, which lasts for all of them: they may be encrypted then, and know their
// way out. Returns how many; they are moved to `good`, and items[] says how. The others were
// dropped: forwarded ones, fragments (RFC 4303 3.3.4), those too long that have DF.
uint16_t esp_transport_wrap(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
                            struct rte_mbuf **good, struct crypto_item *items);
// The packet as its sender made it. Its text is authentic and its padding sound: `pad` bytes,
// then the trailer that says `next`.
void esp_transport_restore(struct rte_mbuf *m, const struct crypto_item *item, uint8_t next,
                           uint32_t pad);

#endif
