// Packet memory: a pool of ordinary packets on each NUMA node that has a port, and a few big ones.
// [C] before launch and after the workers stopped.
#ifndef VIGIL_DATAPLANE_POOL_H
#define VIGIL_DATAPLANE_POOL_H

#include "dp_internal.h"

// Room for a received frame where no interface has a longer MTU than POOL_MTU_SMALL.
#define POOL_ROOM_SMALL 2048u
// ESP, UDP and outer IP in front, padding and ICV behind: the frame must still fit.
#define POOL_MTU_SMALL 1800u
// Behind the longest frame: ESP padding, trailer, ICV, and what is written beyond them.
#define POOL_TAIL 96u
// Jumbo frames: the longest MTU that is ever taken.
#define POOL_MTU_MAX 9216u

// What the pools are made of.
struct pool_plan {
	uint32_t room;  // of an ordinary packet, without headroom
	uint32_t n;     // of them, for each node
	uint32_t n_big; // packets of REASSEMBLE_MAX
	uint16_t mtu;   // longest that an ordinary packet has room for, with ESP around it
	bool scatter;   // longer frames come in several pieces
};

// Memory for `packets` packets of MTU `mtu` on each of `nodes` nodes out of memory_mb in all;
// `scatter`: all ports with a longer MTU than POOL_MTU_SMALL can deliver frames in pieces. 0 or
// -ENOMEM.
int pool_plan_make(uint32_t packets, uint16_t mtu, unsigned nodes, unsigned memory_mb, bool scatter,
                   struct pool_plan *out);

// Pools for these ports and workers. 0 or -errno; err gets a text for a person.
int pool_create(struct dp *dp, const struct dp_config *config, char *err, size_t err_size);
void pool_free(struct dp *dp);

// The pool of packets that port `port` (an ethdev) receives.
struct rte_mempool *pool_of_port(const struct dp *dp, uint16_t port);

#endif
