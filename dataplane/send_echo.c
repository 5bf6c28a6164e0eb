// Echoes of the gateway's own, of ICMP and ICMPv6. [C] They pass routes and crypto maps like any
// packet, so a worker takes them from here on.
#include <errno.h>
#include <rte_random.h>

#include "addr.h"
#include "bytes.h"
#include "icmp6.h"
#include "ipv6.h"
#include "packet.h"
#include "pool.h"
#include "port.h"
#include "reassemble.h"

#define ICMP_ECHO   8
#define ICMP_HEADER 8
#define ECHO_TTL    255

static uint16_t identifier(struct dp *dp)
{
	// Writer: control. Relaxed: a word that stands for itself.
	if (!dp->echo_id)
		__atomic_store_n(&dp->echo_id, (uint32_t)rte_rand_max(UINT16_MAX) + 1,
		                 __ATOMIC_RELAXED);
	return (uint16_t)dp->echo_id;
}

// The message behind the IP header, its checksum still 0.
static void fill_message(struct dp *dp, uint8_t *icmp, uint32_t len, uint8_t type,
                         uint16_t sequence)
{
	for (unsigned i = ICMP_HEADER; i < len; i += 2) { // as IOS: 0xabcd
		icmp[i] = 0xab;
		if (i + 1u < len)
			icmp[i + 1] = 0xcd;
	}
	icmp[0] = type;
	icmp[1] = 0;
	bytes_put_u16(icmp + 2, 0);
	bytes_put_u16(icmp + 4, identifier(dp));
	bytes_put_u16(icmp + 6, sequence);
}

static void fill4(struct dp *dp, uint8_t *start, const struct dp_echo *e)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)start;
	uint8_t *icmp = start + PACKET_IPV4_MIN;
	uint16_t sum;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(e->size),
		.packet_id = rte_cpu_to_be_16((uint16_t)dp->ip_id++),
		.fragment_offset = e->df ? rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG) : 0,
		.time_to_live = ECHO_TTL,
		.next_proto_id = IPPROTO_ICMP,
		.src_addr = rte_cpu_to_be_32(addr_v4_host(&e->src)),
		.dst_addr = rte_cpu_to_be_32(addr_v4_host(&e->dst)),
	};
	packet_checksum_ipv4(ip);
	fill_message(dp, icmp, e->size - PACKET_IPV4_MIN, ICMP_ECHO, e->sequence);
	sum = (uint16_t)~rte_raw_cksum(icmp, e->size - PACKET_IPV4_MIN);
	memcpy(icmp + 2, &sum, sizeof(sum));
}

static void fill6(struct dp *dp, uint8_t *start, const struct dp_echo *e)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)start;
	uint32_t len = e->size - PACKET_IPV6_MIN;
	uint8_t *icmp = start + PACKET_IPV6_MIN;
	uint16_t sum;

	*ip = (struct rte_ipv6_hdr){.vtc_flow = rte_cpu_to_be_32(6u << 28),
	                            .payload_len = rte_cpu_to_be_16((uint16_t)len),
	                            .proto = IPPROTO_ICMPV6,
	                            .hop_limits = ECHO_TTL};
	memcpy(ip->src_addr, e->src.bytes, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, e->dst.bytes, sizeof(ip->dst_addr));
	fill_message(dp, icmp, len, ICMP6_ECHO, e->sequence);
	sum = (uint16_t)~ipv6_sum(ip, IPPROTO_ICMPV6, icmp, len);
	memcpy(icmp + 2, &sum, sizeof(sum));
}

// The longest echo whose answer can be put together, if it comes in pieces as long as the interface
// takes.
static uint32_t echo_max(const struct dp *dp, uint16_t index, bool v6)
{
	const struct iface *iface = &dp->ifaces[index];
	uint32_t mtu = v6 ? iface_mtu6(iface) : iface_word(&iface->mtu);
	uint32_t head = v6 ? PACKET_IPV6_MIN : PACKET_IPV4_MIN;
	uint32_t piece_head = v6 ? head + IPV6_FRAGMENT_SIZE : head;
	uint32_t piece = mtu > piece_head ? (mtu - piece_head) & ~7u : 0;

	return RTE_MIN(head + REASSEMBLE_PIECES * piece, REASSEMBLE_MAX);
}

int dp_echo_send(struct dp *dp, const struct dp_echo *e)
{
	bool v6 = e->dst.family == 6;
	uint32_t head = v6 ? PACKET_IPV6_MIN : PACKET_IPV4_MIN;
	struct ip_addr next_hop, source;
	struct rte_mbuf *m;
	uint16_t iface;

	if (e->src.family != e->dst.family || !addr_size(e->dst.family))
		return -EAFNOSUPPORT;
	if (e->size < head + ICMP_HEADER)
		return -EMSGSIZE;
	if (dp_route_find(dp, &e->dst, &iface, &next_hop, &source))
		return -EHOSTUNREACH;
	if (e->size > echo_max(dp, iface, v6))
		return -EMSGSIZE;
	m = rte_pktmbuf_alloc(e->size <= POOL_MTU_SMALL ? dp->pool : dp->pool_big);
	if (!m)
		return -EAGAIN;
	packet_init(m, PACKET_NO_IFACE, dp_now(dp));
	packet_of(m)->flags = PACKET_MADE;
	if (v6) {
		packet_of(m)->payload = PACKET_IPV6_MIN;
		packet_of(m)->proto = IPPROTO_ICMPV6;
		fill6(dp, (uint8_t *)rte_pktmbuf_append(m, e->size), e);
	} else {
		packet_of(m)->ihl = PACKET_IPV4_MIN;
		fill4(dp, (uint8_t *)rte_pktmbuf_append(m, e->size), e);
	}
	return port_send_by_worker(dp, iface, m);
}
