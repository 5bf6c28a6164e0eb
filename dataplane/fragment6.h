// IPv6 packets of the gateway's own, cut to fit (RFC 8200, 4.5).
#ifndef VIGIL_DATAPLANE_FRAGMENT6_H
#define VIGIL_DATAPLANE_FRAGMENT6_H

#include <rte_mbuf.h>

// [any] Copies a packet without extension headers into fragments of at most `mtu` bytes, 1280 or
// more, with what is known of it; m stays the caller's. `id` should not be one that was used a
// moment ago. Returns how many, or -ENOMEM, -EMSGSIZE (more than `max`); then none is left.
int fragment6_cut(struct rte_mbuf *m, struct rte_mbuf **parts, unsigned max, uint16_t mtu,
                  struct rte_mempool *pool, uint32_t id);

#endif
