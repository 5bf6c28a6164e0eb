// Frames as bytes, and what may be odd about one: by chance, of what no plain packet has.
#ifndef VIGIL_TESTS_ODD_FRAMES_H
#define VIGIL_TESTS_ODD_FRAMES_H

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <string.h>

#include "test_eal.h"

#define FRAME_MAX 1600u

struct bytes {
	unsigned place;                // among those that came out
	uint16_t len, headroom, split; // split: bytes of the first segment, 0 = one piece
	uint32_t flow;
	uint8_t data[FRAME_MAX];
};

static inline struct rte_ipv4_hdr *ip_of(struct bytes *b)
{
	return (struct rte_ipv4_hdr *)(b->data + RTE_ETHER_HDR_LEN);
}

static inline void checksum(struct bytes *b)
{
	struct rte_ipv4_hdr *ip = ip_of(b);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

// Something about a frame that is not plain. True: the checksum is to be made right again.
static inline bool oddity_of_ip(struct bytes *b, unsigned which)
{
	// A SYN with an MSS of 1460.
	static const uint8_t syn[24] = {0x30, 0x39, 0,    80,   0, 0, 0, 1, 0, 0, 0, 0,
	                                0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4};
	struct rte_ipv4_hdr *ip = ip_of(b);

	switch (which) {
	case 0:
		ip->time_to_live = (uint8_t)rng(3);
		break;
	case 1: // "no operation" four times
		ip->version_ihl = 0x46;
		memset(ip + 1, 1, 4);
		break;
	case 2:
		ip->fragment_offset = rte_cpu_to_be_16((uint16_t)(rng(2) ? 0x2000 : 0x0010));
		break;
	case 3:
		ip->next_proto_id = (uint8_t)(rng(2) ? IPPROTO_TCP : IPPROTO_ICMP);
		if (ip->next_proto_id == IPPROTO_TCP && b->len >= 60)
			memcpy(ip + 1, syn, sizeof(syn));
		break;
	case 4:
		ip->src_addr = rte_cpu_to_be_32(rng(2) ? 0x7f000001 : 0xe0000001);
		break;
	case 5:
		ip->total_length = rte_cpu_to_be_16((uint16_t)rng(2000));
		break;
	case 6:
		ip->version_ihl = (uint8_t)rng(256);
		break;
	default:
		ip->hdr_checksum ^= (uint16_t)(1u << rng(16));
		return false;
	}
	return true;
}

static inline void oddity_of_frame(struct bytes *b, unsigned which)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)b->data;

	switch (which) {
	case 0:
		eth->dst_addr.addr_bytes[rng(6)] ^= 1;
		break;
	case 1:
		eth->src_addr = eth->dst_addr;
		break;
	case 2:
		eth->ether_type = rte_cpu_to_be_16((uint16_t)(rng(2) ? 0x0806 : 0x88cc));
		break;
	case 3:
		b->len = (uint16_t)rng(b->len);
		break;
	case 4:
		b->split = (uint16_t)(1 + rng(b->len));
		break;
	case 5: // what follows the packet is nobody's
		b->len = (uint16_t)(b->len + rng(40));
		break;
	default:
		b->headroom = (uint16_t)(2 * rng(RTE_PKTMBUF_HEADROOM / 2)); // as drivers align
	}
}

static inline void strew(struct bytes *b, unsigned one_in)
{
	if (rng(one_in) == 0 && oddity_of_ip(b, rng(8)))
		checksum(b);
	if (rng(one_in) == 0)
		oddity_of_frame(b, rng(7));
}

static inline uint16_t length(void)
{
	static const uint16_t some[] = {28, 50, 64, 100, 576, 1400, 1430, 1446, 1452, 1500};

	return rng(100) ? some[rng(6)] : some[rng(RTE_DIM(some))];
}

#endif
