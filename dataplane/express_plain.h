// What the short ways ask of every frame: a few comparisons with what nearly all frames are like.
// [W] Inline.
#ifndef VIGIL_DATAPLANE_EXPRESS_PLAIN_H
#define VIGIL_DATAPLANE_EXPRESS_PLAIN_H

#include <x86intrin.h>

#include "ipv4.h"
#include "worker.h"

#define EXPRESS_HEAD_ROOM 64u // bytes before a frame, more than any SA adds: IP, UDP, ESP, IV
#define EXPRESS_TAIL_ROOM 64u // bytes behind it, the same: padding, trailer, ICV
#define EXPRESS_TEXT_MIN  4u  // bytes behind the IP header: ports, or the SPI

#define EXPRESS_GCM_IV    8u  // bytes, RFC 4106 3.1
#define EXPRESS_GCM_ALIGN 4u  // of the text, RFC 4303 2.4
#define EXPRESS_GCM_ICV   16u // bytes at most, RFC 4106 6

#define EXPRESS_TCP_MIN   40u // bytes of IP and TCP headers
#define EXPRESS_TCP_FLAGS 33u // where in the packet
#define EXPRESS_TCP_SYN   0x02

// Bits of _mm_movemask_epi8() over the first 16 bytes of a frame.
#define EXPRESS_DST_MAC 0x003f
#define EXPRESS_SRC_MAC 0x0fc0
#define EXPRESS_TYPES   0x7000 // and the version and length of the IP header

// What the first 16 bytes of all frames of a burst are compared with: our MAC as destination, and
// as source; IPv4; version and length.
static inline __m128i express_want(const struct iface *iface)
{
	uint8_t head[16] = {[12] = 0x08, [14] = RTE_IPV4_VHL_DEF};

	memcpy(head, &iface->mac, RTE_ETHER_ADDR_LEN);
	memcpy(head + RTE_ETHER_ADDR_LEN, &iface->mac, RTE_ETHER_ADDR_LEN);
	return _mm_loadu_si128((const __m128i *)head);
}

static inline struct rte_ipv4_hdr *express_ip(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
}

// Is it a frame for this interface, in one piece, with an IPv4 packet that has no options, and with
// room around it? `ip` is express_ip().
static inline bool express_frame_is_plain(__m128i want, const struct rte_mbuf *m,
                                          const struct rte_ipv4_hdr *ip)
{
	__m128i head = _mm_loadu_si128((const __m128i *)((const uint8_t *)ip - RTE_ETHER_HDR_LEN));
	int equal = _mm_movemask_epi8(_mm_cmpeq_epi8(head, want));
	uint32_t len = rte_be_to_cpu_16(ip->total_length);

	return m->nb_segs == 1 && m->data_off >= EXPRESS_HEAD_ROOM &&
	       (equal & (EXPRESS_DST_MAC | EXPRESS_TYPES)) == (EXPRESS_DST_MAC | EXPRESS_TYPES) &&
	       (equal & EXPRESS_SRC_MAC) != EXPRESS_SRC_MAC &&
	       len >= PACKET_IPV4_MIN + EXPRESS_TEXT_MIN &&
	       len + RTE_ETHER_HDR_LEN <= m->data_len &&
	       m->data_off + RTE_ETHER_HDR_LEN + len + EXPRESS_TAIL_ROOM <= m->buf_len;
}

// Is that packet whole, and its header's checksum right? What the addresses are is not looked at.
static inline bool express_packet_is_plain(const struct rte_ipv4_hdr *ip)
{
	return !packet_is_fragment(ip) && ipv4_checksum20_holds(ip);
}

static inline bool express_is_plain(__m128i want, const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = express_ip(m);

	return express_frame_is_plain(want, m, ip) && express_packet_is_plain(ip);
}

// What tells flows apart in a packet without options: protocol, addresses and the first four bytes
// behind the header.
static inline __m128i express_flow(const struct rte_ipv4_hdr *ip)
{
	return _mm_loadu_si128((const __m128i *)&ip->time_to_live);
}

static inline bool express_same_flow(__m128i a, __m128i b)
{
	const int ttl_and_checksum = 0x000d;

	return (_mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) | ttl_and_checksum) == 0xffff;
}

// Must the MSS stage see it? `len` bytes of packet are there.
static inline bool express_is_syn(const struct rte_ipv4_hdr *ip, uint32_t len)
{
	return ip->next_proto_id == IPPROTO_TCP &&
	       (len < EXPRESS_TCP_MIN ||
	        ((const uint8_t *)ip)[EXPRESS_TCP_FLAGS] & EXPRESS_TCP_SYN);
}

#endif
