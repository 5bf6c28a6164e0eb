// Routing: which interface and which next hop, TTL, delivery to the gateway itself. [W] Plain,
// decrypted and outer ESP packets all come through here.
#include <rte_branch_prediction.h>
#include <rte_icmp.h>

#include "icmp.h"
#include "ipv4.h"
#include "route.h"
#include "worker.h"

#define ICMP_NET           0
#define ICMP_TIME_EXCEEDED 11

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
		worker_drop(w, m, kind == ROUTE_DISCARD ? DROP_ROUTE_NULL : DROP_NO_ROUTE);
	}
}

// What a hop says, read once for a run of packets that take it.
struct way {
	uint32_t gateway; // network order; 0 = the destination itself
	uint16_t hop, iface;
	bool mapped; // the interface has a crypto map
	bool up;
	enum route_kind kind;
};

static inline void way_find(const struct worker *w, uint16_t index, struct way *way)
{
	const struct route_hop *hop = route_hop(w->dp->routes, index);
	uint32_t flags = 0;

	if (hop->kind == ROUTE_GATEWAY || hop->kind == ROUTE_CONNECTED)
		flags = iface_word(&w->dp->ifaces[hop->iface].flags);
	*way = (struct way){.gateway = hop->kind == ROUTE_GATEWAY ? hop->gateway : 0,
	                    .hop = index,
	                    .iface = hop->iface,
	                    .mapped = flags & IFACE_CRYPTO_MAP,
	                    .up = flags & IFACE_UP,
	                    .kind = (enum route_kind)hop->kind};
}

// Nothing leads on from here: takes the packet.
static void not_onward(struct worker *w, struct rte_mbuf *m, const struct way *way)
{
	if (way->kind == ROUTE_GATEWAY || way->kind == ROUTE_CONNECTED)
		worker_drop(w, m, DROP_TX_IFACE_DOWN);
	else
		ends_here(w, m, way->kind);
}

static void too_old(struct worker *w, struct rte_mbuf *m, const struct way *way)
{
	packet_of(m)->out = way->iface;
	icmp_error(w, m, ICMP_TIME_EXCEEDED, 0, 0);
	worker_drop(w, m, DROP_TTL);
}

uint16_t forward(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **mapped,
                 uint16_t *n_mapped)
{
	struct way way = {.hop = PACKET_NO_HOP};
	uint16_t k = 0, k_mapped = 0, made = 0, hop = PACKET_NO_HOP;
	uint32_t dst = 0; // whose route `hop` is

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct packet *p = packet_of(m);
		struct rte_ipv4_hdr *ip = packet_ip(m);

		if (p->hop == PACKET_NO_HOP) {
			if (ip->dst_addr != dst || hop == PACKET_NO_HOP) {
				dst = ip->dst_addr;
				hop = route_lookup(w->dp->routes, dst);
			}
			p->hop = hop;
		}
		if (p->hop != way.hop)
			way_find(w, p->hop, &way);
		if (unlikely(!way.up)) {
			not_onward(w, m, &way);
			continue;
		}
		if (p->flags & PACKET_MADE) {
			if (unlikely(p->flags & PACKET_QUOTES && !way.mapped)) {
				worker_drop(w, m, DROP_POLICY_QUOTE);
				continue;
			}
			made++;
		} else if (unlikely(ip->time_to_live <= 1)) {
			too_old(w, m, &way);
			continue;
		} else {
			ipv4_ttl_decrement(ip);
		}
		p->out = way.iface;
		p->next_hop = way.gateway ? way.gateway : ip->dst_addr;
		if (way.mapped && !(p->flags & PACKET_NO_POLICY))
			mapped[k_mapped++] = m;
		else
			pkts[k++] = m;
	}
	worker_count_n(w, COUNT_FORWARDED, (uint16_t)(k + k_mapped - made));
	*n_mapped = k_mapped;
	return k;
}
