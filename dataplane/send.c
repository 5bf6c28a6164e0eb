// Packets of the control core's own: IKE datagrams and frames (ARP). [C] They never meet a crypto
// map. A datagram whose next hop is not known yet goes to a worker, which holds it and asks.
#include <errno.h>
#include <rte_ip_frag.h>
#include <rte_random.h>
#include <rte_udp.h>

#include "addr.h"
#include "adjacency.h"
#include "bytes.h"
#include "fragment6.h"
#include "ipv6.h"
#include "pool.h"
#include "port.h"
#include "reassemble.h"
#include "route.h"

#define MARKER_LEN    4
#define UDP_HEADER    8
#define SEND_TTL      64
#define FRAGMENTS_MAX 32

// Bytes of the IP header.
static uint16_t ip_size(const struct dp_datagram *d)
{
	return d->src.family == 6 ? PACKET_IPV6_MIN : PACKET_IPV4_MIN;
}

static void fill_ipv4(struct dp *dp, struct rte_ipv4_hdr *ip, struct rte_udp_hdr *udp,
                      const struct dp_datagram *d, uint16_t udp_len)
{
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(PACKET_IPV4_MIN + udp_len)),
		.packet_id = rte_cpu_to_be_16((uint16_t)dp->ip_id++),
		.time_to_live = SEND_TTL,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(addr_v4_host(&d->src)),
		.dst_addr = rte_cpu_to_be_32(addr_v4_host(&d->dst)),
	};
	packet_checksum_ipv4(ip);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
}

static void fill_ipv6(struct rte_ipv6_hdr *ip, struct rte_udp_hdr *udp, const struct dp_datagram *d,
                      uint16_t udp_len)
{
	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = rte_cpu_to_be_16(udp_len),
		.proto = IPPROTO_UDP,
		.hop_limits = SEND_TTL,
	};
	memcpy(ip->src_addr, d->src.bytes, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, d->dst.bytes, sizeof(ip->dst_addr));
	udp->dgram_cksum = (uint16_t)~ipv6_sum(ip, IPPROTO_UDP, udp, udp_len);
	if (udp->dgram_cksum == 0) // RFC 8200, 8.1
		udp->dgram_cksum = UINT16_MAX;
}

static void fill_headers(struct dp *dp, uint8_t *start, const struct dp_datagram *d, uint16_t total)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(start + ip_size(d));
	uint16_t udp_len = (uint16_t)(total - ip_size(d));

	*udp = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(d->src_port),
		.dst_port = rte_cpu_to_be_16(d->dst_port),
		.dgram_len = rte_cpu_to_be_16(udp_len),
	};
	if (d->src.family == 6)
		fill_ipv6((struct rte_ipv6_hdr *)start, udp, d, udp_len);
	else
		fill_ipv4(dp, (struct rte_ipv4_hdr *)start, udp, d, udp_len);
}

// The whole datagram as one IP packet, however long. NULL: no buffer.
static struct rte_mbuf *datagram_make(struct dp *dp, const struct dp_datagram *d, uint16_t total)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(total <= POOL_MTU_SMALL ? dp->pool : dp->pool_big);
	struct packet *p;
	struct writer w;
	uint8_t *start;

	if (!m)
		return NULL;
	packet_init(m, PACKET_NO_IFACE, dp_now(dp));
	p = packet_of(m);
	p->kind = d->src.family == 6 ? PACKET_ROUTE6 : PACKET_ROUTE;
	p->flags = PACKET_MADE | PACKET_NO_POLICY;
	p->ihl = PACKET_IPV4_MIN;
	p->payload = PACKET_IPV6_MIN;
	p->proto = IPPROTO_UDP;
	start = (uint8_t *)rte_pktmbuf_append(m, total);
	w = writer_make(start, total);
	writer_zero(&w, ip_size(d) + (size_t)UDP_HEADER);
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

// Fragments with all that is known of m; m stays the caller's. How many, or -errno.
static int cut(struct dp *dp, struct rte_mbuf *m, struct rte_mbuf **parts, uint16_t mtu)
{
	int32_t n;

	if (packet_is_ipv6(m))
		return fragment6_cut(m, parts, FRAGMENTS_MAX, mtu, dp->pool, (uint32_t)rte_rand());
	n = rte_ipv4_fragment_copy_nonseg_packet(m, parts, FRAGMENTS_MAX, mtu, dp->pool);
	for (int32_t i = 0; i < n; i++) {
		*packet_of(parts[i]) = *packet_of(m);
		packet_checksum_ipv4(packet_ip(parts[i]));
	}
	return n;
}

static int send_in_pieces(struct dp *dp, uint16_t index, struct rte_mbuf *m,
                          const struct rte_ether_addr *mac, uint16_t mtu)
{
	struct rte_mbuf *parts[FRAGMENTS_MAX];
	int n = cut(dp, m, parts, mtu);
	int rc = n > 0 ? 0 : n == -ENOMEM ? -EAGAIN : -EMSGSIZE;

	for (int i = 0; i < n; i++) {
		int one = send_one(dp, index, parts[i], mac);

		if (one)
			rc = one;
	}
	rte_pktmbuf_free(m);
	return rc;
}

static struct adjacency_key key_of(uint16_t iface, const struct ip_addr *next_hop)
{
	return next_hop->family == 6
	               ? adjacency_key6(iface, next_hop->bytes)
	               : adjacency_key4(iface, rte_cpu_to_be_32(addr_v4_host(next_hop)));
}

int dp_datagram_send(struct dp *dp, const struct dp_datagram *d)
{
	uint32_t total = ip_size(d) + UDP_HEADER + (d->marker ? MARKER_LEN : 0u) + d->len;
	struct ip_addr next_hop, source;
	struct rte_ether_addr mac;
	struct adjacency_key hop;
	struct rte_mbuf *m;
	uint32_t mtu;
	uint16_t index;

	if (d->src.family != d->dst.family ||
	    dp_route_find(dp, &d->dst, &index, &next_hop, &source))
		return -EHOSTUNREACH;
	if (total > REASSEMBLE_MAX)
		return -EMSGSIZE;
	m = datagram_make(dp, d, (uint16_t)total);
	if (!m)
		return -EAGAIN;
	hop = key_of(index, &next_hop);
	if (!adjacency_find(dp, &hop, &mac))
		return port_send_by_worker(dp, index, m);
	mtu = d->dst.family == 6 ? iface_mtu6(&dp->ifaces[index])
	                         : iface_word(&dp->ifaces[index].mtu);
	if (total <= mtu)
		return send_one(dp, index, m, &mac);
	return send_in_pieces(dp, index, m, &mac, (uint16_t)RTE_MIN(mtu, dp->pool_mtu));
}

bool dp_way_is_full(const struct dp *dp, const struct ip_addr *dst)
{
	struct ip_addr next_hop, source;
	tick_t now = dp_now(dp);
	uint16_t index;

	return dp->full_at == now && !dp_route_find(dp, dst, &index, &next_hop, &source) &&
	       dp->ifaces[index].full_at == now;
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
