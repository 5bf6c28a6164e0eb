// ESP tunnels with IPv6 inside, outside or both. [W] The SA's owner only. What all ways of ESP have
// in common is in esp_out.c, esp_in.c and wrap.h.
#ifndef VIGIL_DATAPLANE_ESP6_H
#define VIGIL_DATAPLANE_ESP6_H

#include "crypto.h"
#include "worker.h"
#include "wrap.h"

// Where outer packets of either family go; see wrap_onward_find().
struct esp6_onward {
	struct wrap_onward v4; // IPv4's next hop
	uint8_t next_hop[16];  // IPv6's
	uint16_t out, hop;     // PACKET_NO_IFACE = forward must say
	uint32_t mtu;          // of that interface, for this family
};

void esp6_onward_find(struct worker *w, struct sa *sa, struct esp6_onward *onward);
// Outer headers of either family, to the ESP header, of a packet of `total` bytes in all.
void esp6_put_outer(struct worker *w, const struct sa *sa, uint8_t *at, uint32_t total,
                    uint8_t class, uint32_t df);
// Makes it an outer packet: this gateway's own, on its way to the SA's other end.
void esp6_become_outer(struct rte_mbuf *m, const struct sa *sa, const struct esp6_onward *onward);

// Wraps packets of one SA, which lasts for all of them: they may be encrypted then, and know their
// way out. Returns how many; they are moved to `good`, and items[] says how. The others were
// dropped, or put aside to be cut.
uint16_t esp6_wrap(struct worker *w, struct sa *sa, struct wrap_path *path, struct rte_mbuf **pkts,
                   uint16_t n, struct rte_mbuf **good, struct crypto_item *items);
// The UDP checksums of outer packets that were encrypted: over IPv6 there must be one (RFC 8200,
// 8.1). Packets of other forms are left alone.
void esp6_checksums(struct rte_mbuf **pkts, uint16_t n);

// The traffic class of the outer header, read before that is gone.
uint8_t esp6_outer_class(struct rte_mbuf *m);
// A packet of an SA with inner6, cut down to the inner one: is that whole, of the SA's selector,
// and what of congestion is to be said in it (RFC 4301 5.2, RFC 6040 4.2)? DROP_NONE = good.
enum counter esp6_accept(struct rte_mbuf *m, const struct sa *sa, uint8_t outer_class);
// An authentic packet of the newest sequence number of an SA with outer6 says where the peer is.
void esp6_follow(struct worker *w, struct rte_mbuf *m, const struct crypto_item *item);

#endif
