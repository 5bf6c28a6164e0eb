// ICMPv6 errors and echo replies that the gateway sends. [W] Errors share the token bucket of
// IPv4's.
#include "icmp6.h"

#include "bytes.h"
#include "icmp.h"
#include "iface6.h"
#include "ipv6.h"
#include "policy.h"
#include "route.h"

#define ICMP_HEADER   8u
#define HOP_LIMIT     64
#define ERRORS_END    128         // types below are errors
#define OPTION_REPORT 0x80        // of an option's type
#define ROUTING_TYPE  2u          // where in a routing header
#define TRAFFIC       0x60c00000u // version 6, class 0xc0: internetwork control

// RFC 4443, 2.4 (e): not about errors and redirects, what we made, or what has no single source.
static bool may_answer(struct rte_mbuf *m, uint8_t type)
{
	const uint8_t *packet = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	uint32_t len = rte_pktmbuf_data_len(m);
	struct ipv6_chain chain;

	if (packet_of(m)->flags & PACKET_MADE || !ipv6_is_host(ip->src_addr))
		return false;
	if (ip->dst_addr[0] == 0xff && type != ICMP6_TOO_BIG)
		return false;
	if (!ipv6_chain(packet, len, &chain))
		return false;
	// Who is told of the first fragment knows enough, unless it is this one that is wrong.
	if (chain.later && (type != ICMP6_PARAMETER || chain.hidden))
		return false;
	if (chain.proto != IPPROTO_ICMPV6)
		return true;
	if (chain.later || chain.payload >= len)
		return false;
	type = packet[chain.payload];
	return type >= ERRORS_END && type != ICMP6_REDIRECT;
}

static bool is_ours(const struct routes *routes, const struct packet *p, const uint8_t dst[16])
{
	if (ipv6_is_link_local(dst))
		return route_is_own_link_local(routes, p->in, dst);
	return route_hop(routes, route_lookup6(routes, dst))->kind == ROUTE_LOCAL;
}

// Would an error to this host go back through a tunnel, if it came from this address of ours?
static bool is_protected(const struct worker *w, const uint8_t own[16], const uint8_t host[16])
{
	const struct dp *dp = w->dp;
	const struct route_hop *hop = route_hop(dp->routes, route_lookup6(dp->routes, host));
	struct policy_key6 key = {
		.proto = IPPROTO_ICMPV6,
		.ports = POLICY_PORTS_NONE,
		.iface = hop->iface,
	};

	memcpy(key.local, own, sizeof(key.local));
	memcpy(key.remote, host, sizeof(key.remote));
	return (hop->kind == ROUTE_GATEWAY || hop->kind == ROUTE_CONNECTED) &&
	       policy_find6(dp->policy, &key).verdict == POLICY_PROTECT;
}

static bool address_of(const struct dp *dp, unsigned iface, const uint8_t host[16], uint8_t out[16])
{
	return iface < dp->n_ifaces && iface6_address(&dp->ifaces[iface], host, out);
}

// See icmp.c.
static bool address_inside(const struct worker *w, const struct packet *p, const uint8_t host[16],
                           uint8_t out[16])
{
	const struct dp *dp = w->dp;

	if (address_of(dp, p->out, host, out) && is_protected(w, out, host))
		return true;
	for (unsigned i = 0; i < dp->n_ifaces; i++)
		if (address_of(dp, i, host, out) && is_protected(w, out, host))
			return true;
	return false;
}

// The address that the packet was for, if it is ours (RFC 4443, 2.2), else ours towards the sender,
// of the kind that it has.
static bool own_address(const struct worker *w, struct rte_mbuf *m, uint8_t out[16])
{
	const uint8_t *src = packet_ip6(m)->src_addr;
	bool local = ipv6_is_link_local(src);
	const struct packet *p = packet_of(m);
	const struct dp *dp = w->dp;
	const uint8_t *dst = packet_ip6(m)->dst_addr;
	uint16_t first = p->in, second = p->out;

	if (is_ours(dp->routes, p, dst)) {
		memcpy(out, dst, 16);
		return true;
	}
	if (p->flags & PACKET_DECRYPTED) {
		if (!local && address_inside(w, p, src, out))
			return true;
		first = p->out;
		second = p->in;
	}
	return address_of(dp, first, src, out) || (!local && address_of(dp, second, src, out));
}

static void fill(struct rte_mbuf *reply, struct rte_mbuf *about, const uint8_t source[16],
                 const uint8_t head[ICMP_HEADER])
{
	uint32_t room = IPV6_MTU_MIN - PACKET_IPV6_MIN - ICMP_HEADER; // RFC 4443, 2.4 (c)
	uint16_t quote = (uint16_t)RTE_MIN(rte_pktmbuf_data_len(about), room);
	uint16_t len = (uint16_t)(ICMP_HEADER + quote), sum;
	struct rte_ipv6_hdr *ip =
		(struct rte_ipv6_hdr *)rte_pktmbuf_append(reply, PACKET_IPV6_MIN + len);
	uint8_t *icmp = (uint8_t *)(ip + 1);

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(TRAFFIC),
		.payload_len = rte_cpu_to_be_16(len),
		.proto = IPPROTO_ICMPV6,
		.hop_limits = HOP_LIMIT,
	};
	memcpy(ip->src_addr, source, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, packet_ip6(about)->src_addr, sizeof(ip->dst_addr));
	memcpy(icmp, head, ICMP_HEADER);
	memcpy(icmp + ICMP_HEADER, rte_pktmbuf_mtod(about, void *), quote);
	sum = (uint16_t)~ipv6_sum(ip, IPPROTO_ICMPV6, icmp, len);
	memcpy(icmp + 2, &sum, sizeof(sum));
}

void icmp6_error(struct worker *w, struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t info)
{
	uint8_t head[ICMP_HEADER] = {type, code}, source[16];
	struct rte_mbuf *reply;
	struct packet *p;

	if (!may_answer(m, type) ||
	    !icmp_may_send(w, type == ICMP6_TOO_BIG ? &w->icmp_sizes : &w->icmp) ||
	    !own_address(w, m, source))
		return;
	reply = rte_pktmbuf_alloc(w->dp->pool);
	if (!reply)
		return;
	bytes_put_u32(head + 4, info);
	packet_init(reply, packet_of(m)->in, w->now);
	p = packet_of(reply);
	p->kind = PACKET_ROUTE6;
	p->flags = icmp_flags(m);
	p->payload = PACKET_IPV6_MIN;
	p->proto = IPPROTO_ICMPV6;
	fill(reply, m, source, head);
	worker_count(w, COUNT_ICMP_SENT);
	worker_forward_later(w, reply);
}

bool icmp6_chain_refused(struct worker *w, struct rte_mbuf *m, const struct ipv6_chain *chain)
{
	if (chain->routed && (!chain->option || chain->routed < chain->option))
		icmp6_error(w, m, ICMP6_PARAMETER, ICMP6_FIELD, chain->routed + ROUTING_TYPE);
	else if (chain->option &&
	         *rte_pktmbuf_mtod_offset(m, const uint8_t *, chain->option) & OPTION_REPORT)
		icmp6_error(w, m, ICMP6_PARAMETER, ICMP6_OPTION, chain->option);
	return chain->routed || chain->option;
}

// Extension headers are the sender's; an answer has none.
static struct rte_ipv6_hdr *without_extensions(struct rte_mbuf *m, uint8_t proto)
{
	struct packet *p = packet_of(m);
	uint16_t gap = (uint16_t)(p->payload - PACKET_IPV6_MIN);
	uint8_t *from = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(from + gap);

	if (gap == 0)
		return ip;
	memmove(ip, from, PACKET_IPV6_MIN);
	rte_pktmbuf_adj(m, gap);
	ip->proto = proto;
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(m->data_len - PACKET_IPV6_MIN));
	p->payload = PACKET_IPV6_MIN;
	return ip;
}

bool icmp6_echo(struct worker *w, struct rte_mbuf *m)
{
	struct rte_ipv6_hdr *ip;
	struct packet *p = packet_of(m);
	uint32_t len = rte_pktmbuf_data_len(m) - (uint32_t)p->payload, sum;
	uint8_t *icmp = rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload);
	uint8_t src[16];

	if (len < ICMP_HEADER || icmp[0] != ICMP6_ECHO || icmp[1] != 0)
		return false;
	// RFC 1624: the type alone changes; addresses that change places leave the sum as it is.
	sum = (uint16_t)~bytes_get_u16(icmp + 2) + (uint16_t) ~(ICMP6_ECHO << 8) +
	      ((uint32_t)ICMP6_ECHO_REPLY << 8);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[0] = ICMP6_ECHO_REPLY;
	bytes_put_u16(icmp + 2, (uint16_t)~sum);
	ip = without_extensions(m, IPPROTO_ICMPV6);
	memcpy(src, ip->src_addr, sizeof(src));
	memcpy(ip->src_addr, ip->dst_addr, sizeof(src));
	memcpy(ip->dst_addr, src, sizeof(src));
	ip->hop_limits = HOP_LIMIT;
	p->kind = PACKET_ROUTE6;
	p->flags = PACKET_MADE;
	p->hop = PACKET_NO_HOP;
	worker_count(w, COUNT_LOCAL_ECHO);
	worker_forward_later(w, m);
	return true;
}

bool icmp6_echo_to_all(const struct iface *iface, struct rte_mbuf *m)
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	struct rte_ipv6_hdr *ip = packet_ip6(m);
	uint8_t *icmp = (uint8_t *)(ip + 1);
	uint32_t total;
	uint16_t sum = 0;

	if (m->nb_segs != 1 || !ipv6_is_whole((const uint8_t *)ip, m->data_len, &total) ||
	    total < PACKET_IPV6_MIN + ICMP_HEADER || ip->proto != IPPROTO_ICMPV6 ||
	    memcmp(ip->dst_addr, all_nodes, sizeof(all_nodes)) != 0 || icmp[0] != ICMP6_ECHO ||
	    ipv6_sum(ip, IPPROTO_ICMPV6, icmp, total - PACKET_IPV6_MIN) != 0xffff ||
	    !iface6_address(iface, ip->src_addr, ip->dst_addr))
		return false;
	memcpy(icmp + 2, &sum, sizeof(sum));
	sum = (uint16_t)~ipv6_sum(ip, IPPROTO_ICMPV6, icmp, total - PACKET_IPV6_MIN);
	memcpy(icmp + 2, &sum, sizeof(sum));
	return true;
}
