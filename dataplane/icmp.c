// ICMP errors that the gateway sends: time exceeded, unreachable, fragmentation needed. [W] Limited
// by a token bucket for each worker (RFC 1812, 4.3.2.8), and never about what must not be answered.
#include "icmp.h"

#include "bytes.h"
#include "ipv4.h"
#include "policy.h"
#include "route.h"

#define TOKENS_MAX      50u
#define TOKENS_A_TICK   1u // 100 a second
#define ICMP_HEADER     8
#define ICMP_QUOTE_MAX  548 // RFC 1812, 4.3.2.3: at most 576 bytes in all
#define ICMP_TTL        64
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO       8
#define ICMP_TIMESTAMP  13 // 13 to 18 are queries

bool icmp_may_send(struct worker *w, struct icmp_budget *b)
{
	uint32_t passed = (uint32_t)RTE_MAX(tick_diff(w->now, b->filled), 0);

	b->filled = w->now;
	b->tokens = RTE_MIN(TOKENS_MAX, b->tokens + RTE_MIN(passed, TOKENS_MAX) * TOKENS_A_TICK);
	if (b->tokens == 0) {
		worker_count(w, COUNT_ICMP_LIMITED);
		return false;
	}
	b->tokens--;
	return true;
}

// RFC 1122, 3.2.2: a source that is not a single host. A packet that came out of a tunnel may have
// one, and the broadcast address of a network of ours is none's.
static bool has_no_source(const struct worker *w, uint32_t src)
{
	const struct routes *routes = w->dp->routes;

	return ipv4_source_is_bad(rte_be_to_cpu_32(src)) ||
	       route_hop(routes, route_lookup(routes, src))->kind == ROUTE_BROADCAST;
}

// RFC 1812, 4.3.2.7: not about errors, later fragments, what we made, or what has no single source.
static bool may_answer(const struct worker *w, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	const struct packet *p = packet_of(m);
	struct reader r =
		reader_make(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m));
	uint8_t type;

	if (p->flags & PACKET_MADE || has_no_source(w, ip->src_addr))
		return false;
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	if (ip->next_proto_id != IPPROTO_ICMP)
		return true;
	reader_take(&r, p->ihl);
	type = reader_u8(&r);
	return reader_ok(&r) &&
	       (type == ICMP_ECHO_REPLY || type == ICMP_ECHO || type >= ICMP_TIMESTAMP);
}

// Would an error to this host go back through a tunnel, if it came from this address of ours?
static bool is_protected(const struct worker *w, uint32_t own, uint32_t host)
{
	const struct dp *dp = w->dp;
	const struct route_hop *hop = route_hop(dp->routes, route_lookup(dp->routes, host));
	const struct policy_key key = {
		.local = own,
		.remote = host,
		.proto = IPPROTO_ICMP,
		.ports = POLICY_PORTS_NONE,
		.iface = hop->iface,
	};

	return (hop->kind == ROUTE_GATEWAY || hop->kind == ROUTE_CONNECTED) &&
	       policy_find(dp->policy, &key).verdict == POLICY_PROTECT;
}

static uint32_t address_of(const struct dp *dp, unsigned iface)
{
	return iface < dp->n_ifaces ? iface_word(&dp->ifaces[iface].address) : 0;
}

// For what came out of a tunnel: the first address of ours that is part of what the tunnel
// protects, beginning with the network behind us. In hub and spoke a packet goes back out by the
// interface that it came in by, whose address outside is seldom part of it. 0 = there is none.
static uint32_t address_inside(const struct worker *w, const struct packet *p, uint32_t host)
{
	const struct dp *dp = w->dp;
	uint32_t own = address_of(dp, p->out);

	if (own && is_protected(w, own, host))
		return own;
	for (unsigned i = 0; i < dp->n_ifaces; i++) {
		own = address_of(dp, i);
		if (own && is_protected(w, own, host))
			return own;
	}
	return 0;
}

// The address that the packet was for, if it is ours, else ours towards the sender. Looks at all
// interfaces, so it is asked after the limit.
static uint32_t own_address(const struct worker *w, struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	const struct dp *dp = w->dp;
	uint16_t first = p->in, second = p->out;
	uint32_t own;

	if (route_hop(dp->routes, route_lookup(dp->routes, ip->dst_addr))->kind == ROUTE_LOCAL)
		return ip->dst_addr;
	if (p->flags & PACKET_DECRYPTED) {
		own = address_inside(w, p, ip->src_addr);
		if (own)
			return own;
		first = p->out;
		second = p->in;
	}
	own = address_of(dp, first);
	return own ? own : address_of(dp, second);
}

static void fill(struct worker *w, struct rte_mbuf *reply, struct rte_mbuf *about, uint32_t source,
                 const uint8_t head[ICMP_HEADER])
{
	uint16_t quote = (uint16_t)RTE_MIN(rte_pktmbuf_data_len(about), ICMP_QUOTE_MAX);
	uint16_t len = (uint16_t)(PACKET_IPV4_MIN + ICMP_HEADER + quote);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(reply, len);
	uint8_t *icmp = (uint8_t *)(ip + 1);
	uint16_t sum;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = 0xc0, // RFC 1812, 4.3.2.5: internetwork control
		.total_length = rte_cpu_to_be_16(len),
		.packet_id = rte_cpu_to_be_16((uint16_t)w->ip_id++),
		.time_to_live = ICMP_TTL,
		.next_proto_id = IPPROTO_ICMP,
		.src_addr = source,
		.dst_addr = packet_ip(about)->src_addr,
	};
	packet_checksum_ipv4(ip);
	memcpy(icmp, head, ICMP_HEADER);
	memcpy(icmp + ICMP_HEADER, rte_pktmbuf_mtod(about, void *), quote);
	sum = (uint16_t)~rte_raw_cksum(icmp, (size_t)ICMP_HEADER + quote);
	memcpy(icmp + 2, &sum, sizeof(sum));
}

void icmp_error(struct worker *w, struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t info)
{
	uint8_t head[ICMP_HEADER] = {type, code};
	bool size = type == ICMP_UNREACHABLE && code == ICMP_FRAG_NEEDED;
	struct rte_mbuf *reply;
	uint32_t source;

	if (!may_answer(w, m) || !icmp_may_send(w, size ? &w->icmp_sizes : &w->icmp))
		return;
	source = own_address(w, m);
	if (source == 0)
		return;
	reply = rte_pktmbuf_alloc(w->dp->pool);
	if (!reply)
		return;
	bytes_put_u32(head + 4, info);
	packet_init(reply, packet_of(m)->in, w->now);
	packet_of(reply)->kind = PACKET_ROUTE;
	packet_of(reply)->flags = icmp_flags(m);
	packet_of(reply)->ihl = PACKET_IPV4_MIN;
	fill(w, reply, m, source, head);
	worker_count(w, COUNT_ICMP_SENT);
	worker_forward_later(w, reply);
}
