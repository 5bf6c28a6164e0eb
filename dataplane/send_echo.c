// ICMP echoes of the gateway's own. [C] They pass routes and crypto maps like any packet, so a
// worker takes them from here on.
#include <errno.h>
#include <rte_random.h>

#include "addr.h"
#include "bytes.h"
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

static void fill(struct dp *dp, uint8_t *start, const struct dp_echo *e)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)start;
	uint16_t len = (uint16_t)(e->size - PACKET_IPV4_MIN), sum;
	uint8_t *icmp = start + PACKET_IPV4_MIN;

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
	for (unsigned i = ICMP_HEADER; i < len; i += 2) { // as IOS: 0xabcd
		icmp[i] = 0xab;
		if (i + 1u < len)
			icmp[i + 1] = 0xcd;
	}
	icmp[0] = ICMP_ECHO;
	icmp[1] = 0;
	bytes_put_u16(icmp + 2, 0);
	bytes_put_u16(icmp + 4, identifier(dp));
	bytes_put_u16(icmp + 6, e->sequence);
	sum = (uint16_t)~rte_raw_cksum(icmp, len);
	memcpy(icmp + 2, &sum, sizeof(sum));
}

int dp_echo_send(struct dp *dp, const struct dp_echo *e)
{
	struct ip_addr next_hop, source;
	struct rte_mbuf *m;
	uint16_t iface;

	if (e->src.family != 4 || e->dst.family != 4)
		return -EAFNOSUPPORT;
	if (e->size < PACKET_IPV4_MIN + ICMP_HEADER || e->size > REASSEMBLE_MAX)
		return -EMSGSIZE;
	if (dp_route_find(dp, &e->dst, &iface, &next_hop, &source))
		return -EHOSTUNREACH;
	m = rte_pktmbuf_alloc(e->size <= POOL_MTU_SMALL ? dp->pool : dp->pool_big);
	if (!m)
		return -EAGAIN;
	packet_init(m, PACKET_NO_IFACE, dp_now(dp));
	packet_of(m)->flags = PACKET_MADE;
	packet_of(m)->ihl = PACKET_IPV4_MIN;
	fill(dp, (uint8_t *)rte_pktmbuf_append(m, e->size), e);
	return port_send_by_worker(dp, iface, m);
}
