// Routing of IPv6: which interface and which next hop, hop limit, scope, delivery to the gateway
// itself. [W]
#include <rte_branch_prediction.h>

#include "icmp6.h"
#include "ipv6.h"
#include "route.h"
#include "worker.h"

// No route, or one that discards. A node that is no router does not say so.
static void nowhere(struct worker *w, struct rte_mbuf *m, bool discard)
{
	if (!(packet_of(m)->flags & PACKET_MADE) && !iface_word(&w->dp->ipv6_routing)) {
		worker_drop(w, m, DROP_IPV6_HOST);
		return;
	}
	// RFC 4443, 3.1
	icmp6_error(w, m, ICMP6_UNREACHABLE, discard ? ICMP6_REJECT_ROUTE : ICMP6_NO_ROUTE, 0);
	worker_drop(w, m, discard ? DROP_ROUTE_NULL : DROP_NO_ROUTE);
}

// What becomes of a packet: where it goes on, or that it has ended here.
static bool onward(struct worker *w, struct rte_mbuf *m, const struct route_hop *hop)
{
	struct packet *p = packet_of(m);

	switch (hop->kind) {
	case ROUTE_GATEWAY:
	case ROUTE_CONNECTED:
		memcpy(p->next_hop6,
		       hop->kind == ROUTE_GATEWAY ? hop->gateway6 : packet_ip6(m)->dst_addr,
		       sizeof(p->next_hop6));
		p->out = hop->iface;
		if (likely(iface_is_up(&w->dp->ifaces[hop->iface])))
			return true;
		worker_drop(w, m, DROP_TX_IFACE_DOWN);
		return false;
	case ROUTE_LOCAL:
		local6(w, m);
		return false;
	default:
		nowhere(w, m, hop->kind == ROUTE_DISCARD);
		return false;
	}
}

// Addresses of one link: only what the gateway itself made leaves for them, by the link that it
// answers on.
static bool on_link(struct worker *w, struct rte_mbuf *m)
{
	struct packet *p = packet_of(m);
	const uint8_t *dst = packet_ip6(m)->dst_addr;

	if (route_is_own_link_local(w->dp->routes, p->in, dst) && !(p->flags & PACKET_DECRYPTED)) {
		local6(w, m);
		return false;
	}
	if (!(p->flags & PACKET_MADE) || p->in >= w->dp->n_ifaces) {
		worker_drop(w, m, DROP_IPV6_SCOPE);
		return false;
	}
	p->out = p->in;
	memcpy(p->next_hop6, dst, sizeof(p->next_hop6));
	return true;
}

static bool find_way(struct worker *w, struct rte_mbuf *m)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	const struct routes *routes = w->dp->routes;
	struct packet *p = packet_of(m);

	if (unlikely(ipv6_is_link_local(ip->dst_addr)))
		return on_link(w, m);
	if (p->hop == PACKET_NO_HOP)
		p->hop = route_lookup6(routes, ip->dst_addr);
	if (!onward(w, m, route_hop(routes, p->hop)))
		return false;
	if (p->flags & PACKET_MADE)
		return true;
	if (unlikely(!iface_word(&w->dp->ipv6_routing))) {
		worker_drop(w, m, DROP_IPV6_HOST);
		return false;
	}
	// RFC 4291, 2.5.6; what came out of a tunnel is looked at here for the first time.
	if (likely(!ipv6_is_link_local(ip->src_addr)))
		return true;
	worker_drop(w, m, DROP_IPV6_SCOPE);
	return false;
}

uint16_t forward6(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **mapped,
                  uint16_t *n_mapped)
{
	uint16_t k = 0, k_mapped = 0, made = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct packet *p = packet_of(m);
		struct rte_ipv6_hdr *ip = packet_ip6(m);
		bool has_map;

		if (!find_way(w, m))
			continue;
		has_map = iface_has_crypto_map(&w->dp->ifaces[p->out]);
		if (p->flags & PACKET_MADE) {
			if (unlikely(p->flags & PACKET_QUOTES && !has_map)) {
				worker_drop(w, m, DROP_POLICY_QUOTE);
				continue;
			}
			made++;
		} else if (unlikely(ip->hop_limits <= 1)) {
			icmp6_error(w, m, ICMP6_TIME_EXCEEDED, 0, 0);
			worker_drop(w, m, DROP_TTL);
			continue;
		} else {
			ip->hop_limits--;
		}
		if (has_map && !(p->flags & PACKET_NO_POLICY))
			mapped[k_mapped++] = m;
		else
			pkts[k++] = m;
	}
	worker_count_n(w, COUNT_FORWARDED, (uint16_t)(k + k_mapped - made));
	*n_mapped = k_mapped;
	return k;
}
