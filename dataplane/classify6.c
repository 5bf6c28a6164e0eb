// The first look at an IPv6 packet: its header, its scope, the chain of its extension headers, and
// ESP and IKE told from the rest. [W] Every length is checked before it is used.
#include "classify.h"
#include "icmp6.h"
#include "ipv6.h"
#include "route.h"

static bool refuse(struct worker *w, struct rte_mbuf *m, enum counter reason)
{
	worker_drop(w, m, reason);
	return false;
}

// Reads the chain of headers into the packet. False: it is broken.
static bool read_chain(struct rte_mbuf *m, struct ipv6_chain *chain)
{
	struct packet *p = packet_of(m);

	if (!ipv6_chain(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), chain))
		return false;
	p->payload = chain->payload;
	p->proto = chain->proto;
	return true;
}

static bool own(struct worker *w, struct rte_mbuf *m, const struct ipv6_chain *chain)
{
	struct packet *p = packet_of(m);

	if (icmp6_chain_refused(w, m, chain))
		return refuse(w, m, DROP_IP_OPTIONS);
	if (chain->fragment) {
		p->kind = PACKET_FRAGMENT6;
		return true;
	}
	p->flags |= PACKET_OUTER6;
	if (chain->proto == IPPROTO_ESP)
		p->kind = PACKET_ESP6;
	else if (chain->proto == IPPROTO_UDP)
		return classify_udp(w, m, chain->payload);
	return true;
}

bool classify_own6(struct worker *w, struct rte_mbuf *m)
{
	struct ipv6_chain chain;

	return read_chain(m, &chain) ? own(w, m, &chain) : refuse(w, m, DROP_IP_HEADER);
}

// Where it leads; ROUTE_NONE also if its scope ends on this link (RFC 4291, 2.5.6), with the
// reason.
static enum route_kind towards(struct worker *w, struct rte_mbuf *m, enum counter *reason)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	const struct routes *routes = w->dp->routes;
	struct packet *p = packet_of(m);
	enum route_kind kind;

	*reason = DROP_IPV6_SCOPE;
	if (ipv6_is_link_local(ip->dst_addr))
		return route_is_own_link_local(routes, p->in, ip->dst_addr) ? ROUTE_LOCAL
		                                                            : ROUTE_BROADCAST;
	p->hop = route_lookup6(routes, ip->dst_addr);
	kind = (enum route_kind)route_hop(routes, p->hop)->kind;
	if (kind != ROUTE_LOCAL && ipv6_is_link_local(ip->src_addr))
		return ROUTE_BROADCAST;
	return kind;
}

bool classify_ipv6(struct worker *w, const struct iface *iface, struct rte_mbuf *m)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	struct packet *p = packet_of(m);
	struct ipv6_chain chain;
	enum counter reason;
	uint32_t total;

	if (m->nb_segs != 1 || !ipv6_is_whole((const uint8_t *)ip, m->data_len, &total))
		return refuse(w, m, DROP_IP_HEADER);
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	if (!ipv6_is_host(ip->src_addr))
		return refuse(w, m, DROP_IP_SOURCE);
	if (!ipv6_is_host(ip->dst_addr))
		return refuse(w, m, DROP_IP_BROADCAST);
	if (!read_chain(m, &chain))
		return refuse(w, m, DROP_IP_HEADER);
	p->kind = iface_has_crypto_map(iface) ? PACKET_PLAIN6 : PACKET_ROUTE6;
	switch (towards(w, m, &reason)) {
	case ROUTE_BROADCAST:
		return refuse(w, m, reason);
	case ROUTE_LOCAL:
		return own(w, m, &chain);
	default:
		return true;
	}
}
