// Routing: which interface and which next hop, TTL, delivery to the gateway itself. [W] Plain,
// decrypted and outer ESP packets all come through here.
#include <rte_branch_prediction.h>
#include <rte_icmp.h>

#include "route.h"
#include "worker.h"

#define ICMP_UNREACHABLE   3
#define ICMP_NET           0
#define ICMP_TIME_EXCEEDED 11

// RFC 1624, equation 3, for the TTL's byte.
static inline void ttl_decrement(struct rte_ipv4_hdr *ip)
{
	uint32_t sum = (uint32_t)ip->hdr_checksum + rte_cpu_to_be_16(0x0100);

	ip->time_to_live--;
	ip->hdr_checksum = (uint16_t)((sum & 0xffff) + (sum >> 16));
}

// Towards a hop. False: the packet is gone.
static inline bool route_out(struct worker *w, struct rte_mbuf *m, const struct route_hop *hop)
{
	struct packet *p = packet_of(m);
	struct rte_ipv4_hdr *ip = packet_ip(m);

	p->out = hop->iface;
	p->next_hop = hop->kind == ROUTE_GATEWAY ? hop->gateway : ip->dst_addr;
	if (p->flags & PACKET_MADE)
		return true;
	if (unlikely(ip->time_to_live <= 1)) {
		icmp_error(w, m, ICMP_TIME_EXCEEDED, 0, 0);
		worker_drop(w, m, DROP_TTL);
		return false;
	}
	ttl_decrement(ip);
	return true;
}

// Not on to another interface: for the gateway itself, or for nobody.
static void ends_here(struct worker *w, struct rte_mbuf *m, enum route_kind kind)
{
	switch (kind) {
	case ROUTE_LOCAL:
		local(w, m);
		break;
	case ROUTE_BROADCAST:
		worker_drop(w, m, DROP_IP_BROADCAST);
		break;
	default:
		icmp_error(w, m, ICMP_UNREACHABLE, ICMP_NET, 0);
		worker_drop(w, m, DROP_NO_ROUTE);
	}
}

uint16_t forward(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **mapped,
                 uint16_t *n_mapped)
{
	const struct routes *routes = w->dp->routes;
	uint16_t k = 0, k_mapped = 0, forwarded = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct packet *p = packet_of(m);
		const struct route_hop *hop;
		uint32_t flags;

		if (p->hop == PACKET_NO_HOP)
			p->hop = route_lookup(routes, packet_ip(m)->dst_addr);
		hop = route_hop(routes, p->hop);
		if (unlikely(hop->kind != ROUTE_GATEWAY && hop->kind != ROUTE_CONNECTED)) {
			ends_here(w, m, hop->kind);
			continue;
		}
		flags = iface_word(&w->dp->ifaces[hop->iface].flags);
		if (unlikely(!(flags & IFACE_UP))) {
			worker_drop(w, m, DROP_TX_IFACE_DOWN);
			continue;
		}
		if (unlikely(!route_out(w, m, hop)))
			continue;
		forwarded += !(p->flags & PACKET_MADE);
		if (flags & IFACE_CRYPTO_MAP && !(p->flags & PACKET_NO_POLICY))
			mapped[k_mapped++] = m;
		else
			pkts[k++] = m;
	}
	worker_count_n(w, COUNT_FORWARDED, forwarded);
	*n_mapped = k_mapped;
	return k;
}
