// TCP segments that fit a tunnel: the maximum segment size that a SYN offers is lowered to what an
// interface allows, whichever way the SYN goes through it. [W], but for mss_watch().
#ifndef VIGIL_DATAPLANE_MSS_H
#define VIGIL_DATAPLANE_MSS_H

#include <rte_mbuf.h>
#include <stdint.h>

struct dp;
struct worker;

// An interface's word: IPv6's in the upper half, IPv4's in the lower; 0 = not adjusted.
static inline uint32_t mss_pack(uint16_t mss, uint16_t mss6)
{
	return (uint32_t)mss6 << 16 | mss;
}

// [C] Some interface's word has changed.
void mss_watch(struct dp *dp);

// Routed packets (packet.in and packet.out), before policy and encryption. Changes what it must and
// drops nothing.
void mss_clamp(const struct worker *w, struct rte_mbuf **pkts, uint16_t n);

#endif
