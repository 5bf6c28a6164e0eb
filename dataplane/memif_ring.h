// Has the ring of a net_memif port been full? Its other side finds that, drops what it has and
// tells nobody. But a burst that is smaller than what was asked for is all that the ring had when
// it was looked at, and its slots are free once it is copied. So between two of them the ring has
// never held more than these two and what was taken out between them. [W] A worker counts that;
// what it finds is never too little, and may be too much where it is hardly fast enough for what
// comes.
#ifndef VIGIL_DATAPLANE_MEMIF_RING_H
#define VIGIL_DATAPLANE_MEMIF_RING_H

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MEMIF_RSIZE     10    // DPDK's memif has rings of so many bits, unless it is told
#define MEMIF_RSIZE_MAX 14    // ... at most
#define MEMIF_SLOT_SIZE 2048u // bytes; a longer frame takes several

struct memif_ring {
	uint32_t slots; // it holds; 0 = the port is none of net_memif
	uint32_t taken; // by the last burst that left nothing, and since
	uint64_t full;  // how often it may have been full; its worker writes, control reads
};

// What a device, "net_memif0,role=server,rsize=13", says its ring holds. The client decides: of a
// server this is what it was told that the client has.
static inline uint32_t memif_ring_slots(const char *device)
{
	const char *said = strstr(device, ",rsize=");
	unsigned long bits = said ? strtoul(said + strlen(",rsize="), NULL, 10) : MEMIF_RSIZE;

	return 1u << (bits <= MEMIF_RSIZE_MAX ? bits : MEMIF_RSIZE_MAX);
}

// A burst came out, of `wanted` frames at most.
static inline void memif_ring_took(struct memif_ring *r, struct rte_mbuf *const *pkts, uint16_t n,
                                   uint16_t wanted)
{
	uint32_t burst = 0;
	bool full;

	for (uint16_t i = 0; i < n; i++)
		burst += 1 + pkts[i]->pkt_len / MEMIF_SLOT_SIZE;
	r->taken += burst;
	full = r->taken >= r->slots;
	if (unlikely(full))
		__atomic_store_n(&r->full, r->full + 1, __ATOMIC_RELAXED);
	if (full || n < wanted)
		r->taken = burst;
}

// [C]
static inline uint64_t memif_ring_full(const struct memif_ring *r)
{
	return __atomic_load_n(&r->full, __ATOMIC_RELAXED);
}

#endif
