// Packets of the control core's own: IKE datagrams and frames (ARP). [C] They never meet a crypto
// map. A datagram whose next hop is not known yet goes to a worker, which holds it and asks.
#include <errno.h>
#include <rte_ip_frag.h>
#include <rte_udp.h>

#include "addr.h"
#include "adjacency.h"
#include "bytes.h"
#include "pool.h"
#include "port.h"
#include "reassemble.h"
#include "route.h"

#define MARKER_LEN    4
#define UDP_HEADER    8
#define SEND_TTL      64
#define FRAGMENTS_MAX 32

static void fill_headers(struct dp *dp, uint8_t *start, const struct dp_datagram *d, uint16_t total)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)start;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(total),
		.packet_id = rte_cpu_to_be_16((uint16_t)dp->ip_id++),
		.time_to_live = SEND_TTL,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(addr_v4_host(&d->src)),
		.dst_addr = rte_cpu_to_be_32(addr_v4_host(&d->dst)),
	};
	*udp = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(d->src_port),
		.dst_port = rte_cpu_to_be_16(d->dst_port),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(total - PACKET_IPV4_MIN)),
	};
	packet_checksum_ipv4(ip);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
}

// The whole datagram as one IPv4 packet, however long. NULL: no buffer.
static struct rte_mbuf *datagram_make(struct dp *dp, const struct dp_datagram *d, uint16_t total)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(total <= POOL_MTU_SMALL ? dp->pool : dp->pool_big);
	struct writer w;
	uint8_t *start;

	if (!m)
		return NULL;
	packet_init(m, PACKET_NO_IFACE, dp_now(dp));
	packet_of(m)->flags = PACKET_MADE | PACKET_NO_POLICY;
	packet_of(m)->ihl = PACKET_IPV4_MIN;
	start = (uint8_t *)rte_pktmbuf_append(m, total);
	w = writer_make(start, total);
	writer_zero(&w, PACKET_IPV4_MIN + UDP_HEADER);
	if (d->marker)
		writer_zero(&w, MARKER_LEN);
	writer_put(&w, d->data, d->len);
	fill_headers(dp, start, d, total);
	return m;
}

static int send_one(struct dp *dp, uint16_t index, struct rte_mbuf *m,
                    const struct rte_ether_addr *mac)
{
	if (adjacency_header(m, &dp->ifaces[index], mac))
		return port_send(dp, index, m);
	rte_pktmbuf_free(m);
	return -EMSGSIZE;
}

static int send_in_pieces(struct dp *dp, uint16_t index, struct rte_mbuf *m,
                          const struct rte_ether_addr *mac, uint16_t mtu)
{
	struct rte_mbuf *parts[FRAGMENTS_MAX];
	int32_t n = rte_ipv4_fragment_copy_nonseg_packet(m, parts, FRAGMENTS_MAX, mtu, dp->pool);
	int rc = n > 0 ? 0 : n == -ENOMEM ? -EAGAIN : -EMSGSIZE;

	for (int32_t i = 0; i < n; i++) {
		int one;

		*packet_of(parts[i]) = *packet_of(m);
		packet_checksum_ipv4(packet_ip(parts[i]));
		one = send_one(dp, index, parts[i], mac);
		if (one)
			rc = one;
	}
	rte_pktmbuf_free(m);
	return rc;
}

int dp_datagram_send(struct dp *dp, const struct dp_datagram *d)
{
	uint32_t total = PACKET_IPV4_MIN + UDP_HEADER + (d->marker ? MARKER_LEN : 0u) + d->len;
	struct ip_addr next_hop, source;
	struct rte_ether_addr mac;
	struct adjacency_key hop;
	struct rte_mbuf *m;
	uint32_t mtu;
	uint16_t index;

	if (d->src.family != 4 || dp_route_find(dp, &d->dst, &index, &next_hop, &source))
		return -EHOSTUNREACH;
	if (total > REASSEMBLE_MAX)
		return -EMSGSIZE;
	m = datagram_make(dp, d, (uint16_t)total);
	if (!m)
		return -EAGAIN;
	hop = adjacency_key4(index, rte_cpu_to_be_32(addr_v4_host(&next_hop)));
	if (!adjacency_find(dp, &hop, &mac))
		return port_send_by_worker(dp, index, m);
	mtu = iface_word(&dp->ifaces[index].mtu);
	if (total <= mtu)
		return send_one(dp, index, m, &mac);
	return send_in_pieces(dp, index, m, &mac, (uint16_t)RTE_MIN(mtu, dp->pool_mtu));
}

int dp_frame_send(struct dp *dp, uint16_t iface, const uint8_t *frame, uint16_t len)
{
	struct rte_mbuf *m;
	char *to;

	if (iface >= dp->n_ifaces || len < RTE_ETHER_HDR_LEN)
		return -EINVAL;
	if (len > POOL_ROOM_SMALL)
		return -EMSGSIZE;
	if (!iface_is_up(&dp->ifaces[iface]))
		return -ENETDOWN;
	m = rte_pktmbuf_alloc(dp->pool);
	to = m ? rte_pktmbuf_append(m, len) : NULL;
	if (!to)
		return -EAGAIN;
	memcpy(to, frame, len);
	packet_init(m, PACKET_NO_IFACE, dp_now(dp));
	return port_send(dp, iface, m);
}
