// Transport mode with IPv6 (RFC 4303 3.1.1); see esp_transport.h. [W]
#ifndef VIGIL_DATAPLANE_ESP_TRANSPORT6_H
#define VIGIL_DATAPLANE_ESP_TRANSPORT6_H

#include "crypto.h"
#include "worker.h"

// As esp_transport_wrap(). Hop-by-hop options and a routing header stay in front of the ESP header,
// since routers read them. A packet longer than its path is cut when it is encrypted.
uint16_t esp_transport6_wrap(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n,
                             struct rte_mbuf **good, struct crypto_item *items);
// As esp_transport_restore(). False: the headers in front of ESP are none that may stand there.
bool esp_transport6_restore(struct rte_mbuf *m, const struct crypto_item *item, uint8_t next,
                            uint32_t pad);

#endif
