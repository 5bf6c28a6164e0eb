// Routing: which interface and which next hop, TTL, delivery to the gateway itself. [W] Plain,
// decrypted and outer ESP packets all come through here.
#include <rte_icmp.h>

#include "route.h"
#include "worker.h"

#define ICMP_UNREACHABLE   3
#define ICMP_NET           0
#define ICMP_TIME_EXCEEDED 11

// RFC 1624, equation 3, for the TTL's byte.
static void ttl_decrement(struct rte_ipv4_hdr *ip)
{
	uint32_t sum = (uint32_t)ip->hdr_checksum + rte_cpu_to_be_16(0x0100);

	ip->time_to_live--;
	ip->hdr_checksum = (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static bool route_out(struct worker *w, struct rte_mbuf *m, const struct route_hop *hop)
{
	struct packet *p = packet_of(m);
	struct rte_ipv4_hdr *ip = packet_ip(m);

	if (!iface_is_up(&w->dp->ifaces[hop->iface])) {
		worker_drop(w, m, DROP_TX_IFACE_DOWN);
		return false;
	}
	p->out = hop->iface;
	p->next_hop = hop->kind == ROUTE_GATEWAY ? hop->gateway : ip->dst_addr;
	if (p->flags & PACKET_MADE)
		return true;
	if (ip->time_to_live <= 1) {
		icmp_error(w, m, ICMP_TIME_EXCEEDED, 0, 0);
		worker_drop(w, m, DROP_TTL);
		return false;
	}
	ttl_decrement(ip);
	worker_count(w, COUNT_FORWARDED);
	return true;
}

static bool forward_one(struct worker *w, struct rte_mbuf *m)
{
	struct packet *p = packet_of(m);
	const struct route_hop *hop;

	if (p->hop == PACKET_NO_HOP)
		p->hop = route_lookup(w->dp->routes, packet_ip(m)->dst_addr);
	hop = route_hop(w->dp->routes, p->hop);
	switch (hop->kind) {
	case ROUTE_GATEWAY:
	case ROUTE_CONNECTED:
		return route_out(w, m, hop);
	case ROUTE_LOCAL:
		local(w, m);
		return false;
	case ROUTE_BROADCAST:
		worker_drop(w, m, DROP_IP_BROADCAST);
		return false;
	default:
		icmp_error(w, m, ICMP_UNREACHABLE, ICMP_NET, 0);
		worker_drop(w, m, DROP_NO_ROUTE);
		return false;
	}
}

uint16_t forward(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++)
		if (forward_one(w, pkts[i]))
			pkts[k++] = pkts[i];
	return k;
}
