// The first look at a frame: sort out what is not for us, take the Ethernet header off, check the
// IPv4 header, and tell ESP and IKE from the rest. [W] Every length is checked before it is used.
#include "classify.h"

#include "icmp6.h"

#include <rte_branch_prediction.h>
#include <rte_ether.h>
#include <rte_prefetch.h>
#include <rte_udp.h>

#include "bytes.h"
#include "ipv4.h"
#include "ipv6.h"
#include "join.h"
#include "punt.h"
#include "route.h"
#include "vlan.h"

#define IP_OPTION_LSRR      131 // RFC 791, 3.1
#define IP_OPTION_SSRR      137
#define MLD_QUERY           130 // RFC 3810, 5.1
#define OPTIONS_MIN         8   // bytes of the shortest header of options
#define ROUTER_SOLICITATION 133 // RFC 4861, 4.1, 4.3 and 4.4
#define ND_SOLICITATION     135
#define ND_ADVERTISEMENT    136
#define UDP_HEADER          8
#define MARKER_LEN          4

bool classify_source_route(struct rte_mbuf *m)
{
	struct reader r = reader_make(rte_pktmbuf_mtod(m, const uint8_t *), packet_of(m)->ihl);

	reader_take(&r, PACKET_IPV4_MIN);
	while (reader_left(&r)) {
		uint8_t type = reader_u8(&r), len;

		if (type == 0)
			return false;
		if (type == 1)
			continue;
		if (type == IP_OPTION_LSRR || type == IP_OPTION_SSRR)
			return true;
		len = reader_u8(&r);
		// A length that does not fit is no option that anybody can walk over.
		if (len < 2 || !reader_take(&r, len - 2u))
			return true;
	}
	return false;
}

static inline bool checksum_holds(const struct iface *iface, const struct rte_mbuf *m,
                                  const struct rte_ipv4_hdr *ip, uint8_t ihl)
{
	uint64_t flags = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (iface->rx_checksum && flags == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		return true;
	if (iface->rx_checksum && flags == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return false;
	return ipv4_checksum_holds(ip, ihl);
}

static bool udp_sum_holds(struct rte_mbuf *m, uint16_t at)
{
	const struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, at);

	if (!packet_is_ipv6(m))
		return !udp->dgram_cksum || rte_ipv4_udptcp_cksum_verify(packet_ip(m), udp) == 0;
	// RFC 8200, 8.1: over IPv6 there must be one.
	return udp->dgram_cksum && ipv6_sum(packet_ip6(m), IPPROTO_UDP, udp,
	                                    rte_pktmbuf_data_len(m) - (uint32_t)at) == 0xffff;
}

// A message on port 500 or 4500: UDP header at `udp`, data at `offset` from the start. Always
// taken.
static bool ike_in(struct worker *w, struct rte_mbuf *m, uint16_t udp, uint16_t offset)
{
	packet_of(m)->payload = offset;
	if (rte_pktmbuf_data_len(m) < offset + PUNT_IKE_MIN)
		worker_drop(w, m, DROP_IKE_RUNT);
	else if (!udp_sum_holds(m, udp))
		worker_drop(w, m, DROP_UDP_CHECKSUM);
	else
		punt_ike(w, m);
	return false;
}

// Port 4500: keepalive, IKE behind the non-ESP marker, or ESP (RFC 3948, 2.1 to 2.3).
static bool natt_in(struct worker *w, struct rte_mbuf *m, struct reader *payload, uint16_t udp)
{
	static const uint8_t zero[MARKER_LEN];
	struct packet *p = packet_of(m);
	uint16_t offset = udp + UDP_HEADER;
	size_t len = reader_left(payload);
	const uint8_t *first;

	if (len == 1 && reader_u8(payload) == 0xff) {
		worker_count(w, COUNT_NAT_KEEPALIVE);
		rte_pktmbuf_free(m);
		return false;
	}
	first = reader_take(payload, MARKER_LEN);
	if (!first) {
		worker_drop(w, m, DROP_NATT_RUNT);
		return false;
	}
	if (memcmp(first, zero, MARKER_LEN) == 0) {
		p->flags |= PACKET_MARKER;
		return ike_in(w, m, udp, (uint16_t)(offset + MARKER_LEN));
	}
	p->kind = packet_is_ipv6(m) ? PACKET_ESP6 : PACKET_ESP;
	p->payload = offset;
	p->flags |= PACKET_IN_UDP;
	return true;
}

// The packet ends where its data ends by now.
static void set_length(struct rte_mbuf *m)
{
	uint16_t len = rte_pktmbuf_data_len(m);

	if (packet_is_ipv6(m))
		packet_ip6(m)->payload_len = rte_cpu_to_be_16((uint16_t)(len - PACKET_IPV6_MIN));
	else
		packet_ip(m)->total_length = rte_cpu_to_be_16(len);
}

bool classify_udp(struct worker *w, struct rte_mbuf *m, uint16_t at)
{
	struct packet *p = packet_of(m);
	struct reader r =
		reader_make(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m));
	struct reader payload;
	uint16_t len;

	reader_take(&r, at);
	p->src_port = reader_u16(&r);
	p->dst_port = reader_u16(&r);
	len = reader_u16(&r);
	reader_u16(&r);
	if (p->dst_port != PACKET_IKE_PORT && p->dst_port != PACKET_NATT_PORT && reader_ok(&r))
		return true;
	if (!reader_ok(&r) || len < UDP_HEADER || len - UDP_HEADER > (int)reader_left(&r)) {
		worker_drop(w, m, DROP_IKE_RUNT);
		return false;
	}
	payload = reader_sub(&r, len - UDP_HEADER);
	// What follows the datagram is nobody's; the UDP checksum goes by the IP length.
	rte_pktmbuf_trim(m, (uint16_t)reader_left(&r));
	set_length(m);
	if (p->dst_port == PACKET_IKE_PORT)
		return ike_in(w, m, at, (uint16_t)(at + UDP_HEADER));
	return natt_in(w, m, &payload, at);
}

// A packet to one of the gateway's own addresses. False: taken.
static inline bool own(struct worker *w, struct rte_mbuf *m)
{
	struct packet *p = packet_of(m);
	const struct rte_ipv4_hdr *ip = packet_ip(m);

	if (unlikely(packet_is_fragment(ip))) {
		p->kind = PACKET_FRAGMENT;
	} else if (likely(ip->next_proto_id == IPPROTO_ESP)) {
		p->kind = PACKET_ESP;
		p->payload = p->ihl;
	} else if (ip->next_proto_id == IPPROTO_UDP) {
		return classify_udp(w, m, p->ihl);
	}
	return true;
}

bool classify_own(struct worker *w, struct rte_mbuf *m)
{
	return own(w, m);
}

// What a burst's packets have in common.
struct arrival {
	const struct iface *iface;
	uint64_t mac;           // the interface's, as 6 bytes in memory
	struct packet prepared; // packet_init()
};

// Where a destination leads. False: nowhere, the packet is gone.
static inline bool towards(struct worker *w, struct rte_mbuf *m, enum route_kind kind)
{
	if (likely(kind != ROUTE_LOCAL && kind != ROUTE_BROADCAST))
		return true;
	if (likely(kind == ROUTE_LOCAL))
		return own(w, m);
	worker_drop(w, m, DROP_IP_BROADCAST);
	return false;
}

static bool ipv4_in(struct worker *w, const struct iface *iface, struct rte_mbuf *m)
{
	struct packet *p = packet_of(m);
	const struct rte_ipv4_hdr *ip = packet_ip(m);

	if (!packet_check_ipv4(m))
		worker_drop(w, m, DROP_IP_HEADER);
	else if (!checksum_holds(iface, m, ip, p->ihl))
		worker_drop(w, m, DROP_IP_CHECKSUM);
	else if (ipv4_source_is_bad(rte_be_to_cpu_32(ip->src_addr)))
		worker_drop(w, m, DROP_IP_SOURCE);
	else if (p->ihl > PACKET_IPV4_MIN && classify_source_route(m))
		worker_drop(w, m, DROP_IP_OPTIONS);
	else {
		p->hop = route_lookup(w->dp->routes, ip->dst_addr);
		return towards(w, m, route_hop(w->dp->routes, p->hop)->kind);
	}
	return false;
}

// Whom the frame is from and to. A worker's port is not promiscuous, but many virtual devices are.
static bool addressed_to_us(struct worker *w, const struct iface *iface, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	bool arp = eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);

	if (rte_is_same_ether_addr(&eth->src_addr, &iface->mac))
		worker_drop(w, m, DROP_OWN_FRAME);
	else if (rte_is_unicast_ether_addr(&eth->dst_addr) &&
	         !rte_is_same_ether_addr(&eth->dst_addr, &iface->mac))
		worker_drop(w, m, DROP_NOT_OUR_MAC);
	else if (!arp && rte_is_multicast_ether_addr(&eth->dst_addr) &&
	         eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		worker_drop(w, m, DROP_IP_BROADCAST);
	else
		return true;
	return false;
}

// A neighbour solicitation or advertisement from this link (RFC 4861, 7.1), or a host that asks for
// routers (6.1.1); what else it says the control core checks.
static bool is_neighbour_discovery(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(eth + 1);
	const uint8_t *type = (const uint8_t *)(ip + 1);

	return rte_pktmbuf_data_len(m) > sizeof(*eth) + sizeof(*ip) &&
	       ip->proto == IPPROTO_ICMPV6 && ip->hop_limits == UINT8_MAX &&
	       (*type == ND_SOLICITATION || *type == ND_ADVERTISEMENT ||
	        *type == ROUTER_SOLICITATION);
}

// A router or switch asks who listens to which group (RFC 3810, 5.1): behind the router alert
// alone.
static bool is_listener_query(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(eth + 1);
	const uint8_t *options = (const uint8_t *)(ip + 1);

	return rte_pktmbuf_data_len(m) > sizeof(*eth) + sizeof(*ip) + OPTIONS_MIN &&
	       ip->proto == IPPROTO_HOPOPTS && ip->hop_limits == 1 &&
	       options[0] == IPPROTO_ICMPV6 && options[1] == 0 && options[OPTIONS_MIN] == MLD_QUERY;
}

static bool frame_in(struct worker *w, const struct iface *iface, struct rte_mbuf *m);

// A tag where the port has no subinterfaces, or a second one: one that only says a priority is
// passed over (802.1Q, 6.9.1).
static bool tagged_in(struct worker *w, const struct iface *iface, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth;

	if (vlan_untag(m) == 0) {
		eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
		if (eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN))
			return frame_in(w, iface, m);
	}
	worker_drop(w, m, DROP_VLAN);
	return false;
}

static bool frame6_in(struct worker *w, const struct iface *iface, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (is_neighbour_discovery(m)) {
		punt_frame(w, m);
		return false;
	}
	if (!rte_is_multicast_ether_addr(&eth->dst_addr)) {
		rte_pktmbuf_adj(m, sizeof(*eth));
		return classify_ipv6(w, iface, m);
	}
	if (is_listener_query(m)) {
		punt_frame(w, m);
		return false;
	}
	rte_pktmbuf_adj(m, sizeof(*eth));
	if (icmp6_echo_to_all(iface, m))
		return classify_ipv6(w, iface, m);
	worker_drop(w, m, DROP_IP_BROADCAST);
	return false;
}

// Any frame in one piece.
static bool frame_in(struct worker *w, const struct iface *iface, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (rte_pktmbuf_data_len(m) < sizeof(*eth)) {
		worker_drop(w, m, DROP_RUNT);
		return false;
	}
	if (!addressed_to_us(w, iface, m))
		return false;
	switch (rte_be_to_cpu_16(eth->ether_type)) {
	case RTE_ETHER_TYPE_IPV4:
		rte_pktmbuf_adj(m, sizeof(*eth));
		return ipv4_in(w, iface, m);
	case RTE_ETHER_TYPE_VLAN:
		return tagged_in(w, iface, m);
	case RTE_ETHER_TYPE_ARP:
		punt_frame(w, m);
		return false;
	case RTE_ETHER_TYPE_IPV6:
		return frame6_in(w, iface, m);
	default:
		worker_drop(w, m, DROP_ETHERTYPE);
		return false;
	}
}

#define MAC_MASK   0xffffffffffffull
#define ETHER_IPV4 ((uint64_t)RTE_BE16(RTE_ETHER_TYPE_IPV4) << 48)

// Nearly all frames need no second look: one piece, to the interface's own address, not from it, a
// good IPv4 header without options, from a source that may be. Leaves the packet's length in
// *total.
static inline bool is_plain(const struct arrival *a, const struct rte_mbuf *m, const uint8_t *frame,
                            uint32_t *total)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + RTE_ETHER_HDR_LEN);
	uint32_t len = m->data_len, source;
	uint64_t to, from_and_type;

	if (m->nb_segs != 1 || len < RTE_ETHER_HDR_LEN + PACKET_IPV4_MIN)
		return false;
	memcpy(&to, frame, sizeof(to));
	memcpy(&from_and_type, frame + RTE_ETHER_ADDR_LEN, sizeof(from_and_type));
	source = rte_be_to_cpu_32(ip->src_addr);
	*total = rte_be_to_cpu_16(ip->total_length);
	return (to & MAC_MASK) == a->mac && (from_and_type & ~MAC_MASK) == ETHER_IPV4 &&
	       (from_and_type & MAC_MASK) != a->mac && ip->version_ihl == RTE_IPV4_VHL_DEF &&
	       *total >= PACKET_IPV4_MIN && *total + RTE_ETHER_HDR_LEN <= len &&
	       ipv4_checksum20_holds(ip) && !ipv4_source_is_bad(source);
}

static void arrival_make(struct worker *w, uint16_t iface, struct arrival *a)
{
	const struct iface *in = &w->dp->ifaces[iface];

	*a = (struct arrival){.iface = in};
	memcpy(&a->mac, in->mac.addr_bytes, RTE_ETHER_ADDR_LEN);
	packet_prepare(&a->prepared, iface, w->now);
	// What comes in clear where there is a crypto map must pass policy_in_clear first.
	a->prepared.kind = iface_has_crypto_map(in) ? PACKET_PLAIN : PACKET_ROUTE;
}

static uint16_t drop_all(struct worker *w, struct rte_mbuf **pkts, uint16_t n, enum counter reason)
{
	worker_count_n(w, reason, n);
	rte_pktmbuf_free_bulk(pkts, n);
	return 0;
}

uint16_t classify_frames(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n)
{
	const struct routes *routes = w->dp->routes;
	uint32_t total, dst = 0;          // of the packet before
	uint16_t k = 0, hop = ROUTE_NONE; // the route of dst
	enum route_kind kind = ROUTE_UNREACHABLE;
	uint32_t kinds = 0;
	struct arrival a;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	worker_count_n(w, COUNT_RX, n);
	arrival_make(w, iface, &a);
	if (unlikely(!iface_is_up(a.iface)))
		return drop_all(w, pkts, n, DROP_IFACE_DOWN);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct packet *p = packet_of(m);
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
		const struct rte_ipv4_hdr *ip;

		memcpy(p, &a.prepared, offsetof(struct packet, next_hop6));
		if (unlikely(!is_plain(&a, m, frame, &total))) {
			m = m->nb_segs == 1 ? m : join(w, m);
			if (m && frame_in(w, a.iface, m)) {
				kinds |= 1u << packet_of(m)->kind;
				pkts[k++] = m;
			}
			continue;
		}
		ip = (const struct rte_ipv4_hdr *)(frame + RTE_ETHER_HDR_LEN);
		if (ip->dst_addr != dst || i == 0) {
			dst = ip->dst_addr;
			hop = route_lookup(routes, dst);
			kind = (enum route_kind)route_hop(routes, hop)->kind;
		}
		m->data_off += RTE_ETHER_HDR_LEN;
		m->data_len = (uint16_t)total;
		m->pkt_len = total;
		p->ihl = PACKET_IPV4_MIN;
		p->hop = hop;
		if (likely(towards(w, m, kind))) {
			kinds |= 1u << p->kind;
			pkts[k++] = m;
		}
	}
	w->kinds |= kinds;
	return k;
}

uint16_t classify(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n)
{
	// Acquire: the table was filled before it was hung here.
	const struct vlan_table *vlans =
		__atomic_load_n(&w->dp->ifaces[iface].vlans, __ATOMIC_ACQUIRE);

	w->kinds = 0;
	if (unlikely(vlans))
		return vlan_classify(w, vlans, pkts, n);
	return classify_frames(w, iface, pkts, n);
}
