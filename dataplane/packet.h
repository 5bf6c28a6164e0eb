// What the worker knows of a packet besides its bytes: lives in the mbuf's private area, zeroed
// when the packet comes in or is made. [W] Belongs to whoever holds the packet.
//
// From classify on a packet's data begins with its IP header, is one piece (one segment) and ends
// where the IP header says. Link headers come back in tx. IPv6 packets have kinds, and so stages,
// of their own.
#ifndef VIGIL_DATAPLANE_PACKET_H
#define VIGIL_DATAPLANE_PACKET_H

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#include "types.h"

#define PACKET_NO_IFACE  UINT16_MAX
#define PACKET_NO_HOP    UINT16_MAX
#define PACKET_IPV4_MIN  20u
#define PACKET_IPV6_MIN  40u
#define PACKET_HOPS_MAX  4 // handoffs; more is a loop
#define PACKET_IKE_PORT  500
#define PACKET_NATT_PORT 4500

// Which stage takes it next, also after a handoff.
enum packet_kind {
	PACKET_PLAIN,    // policy_in_clear, then forward: came in clear where there is a crypto map
	PACKET_ESP,      // esp_in: to one of the gateway's addresses, native or in UDP
	PACKET_TUNNEL,   // esp_out: tunnel is set; of either family
	PACKET_FRAGMENT, // reassemble: to one of the gateway's addresses
	PACKET_ROUTE,    // forward: came in where there is none, decrypted, or made by the gateway
	PACKET_FRAME,    // tx: a whole Ethernet frame for interface `out`
	// The same, of IPv6.
	PACKET_PLAIN6,
	PACKET_ESP6,
	PACKET_FRAGMENT6,
	PACKET_ROUTE6,
};

enum packet_flags {
	PACKET_IN_UDP = 1,    // PACKET_ESP: a UDP header stands between IP and ESP (RFC 3948)
	PACKET_DECRYPTED = 2, // came out of a tunnel; sa says of which inbound SA
	PACKET_MADE = 4,      // made by this gateway: TTL stays, no ICMP error about it
	PACKET_NO_POLICY = 8, // outer ESP or IKE: a crypto map does not apply
	PACKET_OUTER6 = 32,   // PACKET_ESP6
	PACKET_MARKER = 16,   // IKE: the non-ESP marker was in front (RFC 3948, 2.2)
	PACKET_QUOTES = 64,   // an ICMP error about what came out of a tunnel: never in clear
};

struct packet {
	struct handle tunnel; // policy_out sets it; null = clear
	struct handle sa;     // esp_in sets it, with PACKET_DECRYPTED
	union {
		uint32_t next_hop; // IPv4: forward sets it; network order
		uint32_t limit;    // IPv6: longest piece in which it leaves, where its path takes
		                   // less than the interface; 0 = the interface's MTU decides
	};
	tick_t arrived;
	uint16_t in;  // interface it came in on, PACKET_NO_IFACE = none
	uint16_t out; // interface it leaves by, once routed
	uint16_t hop; // route of the destination if known, else PACKET_NO_HOP
	uint8_t kind; // enum packet_kind
	uint8_t flags;
	uint8_t handoffs;
	uint8_t ihl;       // bytes of the IPv4 header at the start of the data
	uint16_t payload;  // ESP, IKE: where that header begins. IPv6: what stands behind the last
	                   // extension header, or behind the fragment header
	uint16_t src_port; // IKE, host order
	uint16_t dst_port;
	uint8_t proto;                     // IPv6: of what stands at `payload`
	alignas(16) uint8_t next_hop6[16]; // forward6 sets it
};

_Static_assert(sizeof(struct packet) == 64, "one cache line of every mbuf");
_Static_assert(offsetof(struct packet, next_hop6) == 48, "IPv4 packets do without it");
#define PACKET_PRIV_SIZE 64

static inline struct packet *packet_of(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

static inline struct rte_ipv4_hdr *packet_ip(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
}

static inline struct rte_ipv6_hdr *packet_ip6(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *);
}

// By the version in its first byte; the packet has been classified.
static inline bool packet_is_ipv6(struct rte_mbuf *m)
{
	return *rte_pktmbuf_mtod(m, const uint8_t *) >> 4 == 6;
}

// What is known of a packet at first. PACKET_PLAIN.
static inline void packet_prepare(struct packet *p, uint16_t in, tick_t now)
{
	memset(p, 0, sizeof(*p));
	p->in = in;
	p->out = PACKET_NO_IFACE;
	p->hop = PACKET_NO_HOP;
	p->arrived = now;
}

static inline void packet_init(struct rte_mbuf *m, uint16_t in, tick_t now)
{
	packet_prepare(packet_of(m), in, now);
}

// Is the data an IPv4 packet with a whole header and all the bytes that it promises? Cuts what
// follows the packet (Ethernet or ESP padding) and sets ihl. Does not look at the checksum.
static inline bool packet_check_ipv4(struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	uint32_t len, total, ihl = PACKET_IPV4_MIN;

	if (m->nb_segs != 1 || (len = rte_pktmbuf_data_len(m)) < PACKET_IPV4_MIN)
		return false;
	if (__builtin_expect(ip->version_ihl != RTE_IPV4_VHL_DEF, 0)) {
		ihl = (ip->version_ihl & 0xfu) * 4;
		if (ip->version_ihl >> 4 != 4 || ihl < PACKET_IPV4_MIN)
			return false;
	}
	total = rte_be_to_cpu_16(ip->total_length);
	if (total < ihl || total > len)
		return false;
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	packet_of(m)->ihl = (uint8_t)ihl;
	return true;
}

static inline bool packet_is_fragment(const struct rte_ipv4_hdr *ip)
{
	return ip->fragment_offset &
	       rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
}

// Writes the header checksum anew.
static inline void packet_checksum_ipv4(struct rte_ipv4_hdr *ip)
{
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

#endif
