// What stands around the gateway in a measurement: a capture that net_pcap replays for ever (one
// plain packet for each flow, in random order), a ring that brings back what went out, and
// net_null, which throws away. One thread.
#ifndef VIGIL_TESTS_PERF_RIG_H
#define VIGIL_TESTS_PERF_RIG_H

#include "gateway.h"

#define RIG_BURST WORKER_BURST
// Packets in the ring: few, so that they are still in the caches, as they would be when a NIC
// brings them.
#define RIG_LOOP (2 * RIG_BURST)

struct rig {
	struct gateway *gateway;
	struct rte_mempool *pool; // of the capture
	uint16_t source, loop;    // ports: net_pcap while a capture is open, net_ring
	uint16_t inside, outside; // net_null ports, the gateway's own
	uint16_t frame;           // bytes of a frame on the inside, without its FCS
	uint32_t *order;          // flows 0..n-1 in random order
	uint32_t n, next;         // flows; place in `order`
	unsigned opened;          // captures so far
};

// For at most so many flows. 0 or -errno, with a text on stderr.
int rig_start(struct rig *r, struct gateway *g, uint32_t max_flows);
void rig_stop(struct rig *r);
// From now on frames of this size visit the first n flows in a new random order. 0 or -errno, with
// a text on stderr.
int rig_open(struct rig *r, uint32_t n, uint16_t frame);
void rig_close(struct rig *r);

// The flow of the next packet: each is visited once before one is visited again.
static inline uint32_t rig_next(struct rig *r)
{
	uint32_t flow = r->order[r->next];

	r->next = r->next + 1 == r->n ? 0 : r->next + 1;
	return flow;
}

// Lays the gateway's ports for one direction: the capture in on the inside, or the ring in on the
// outside; net_null on the other side.
void rig_lay_out(struct rig *r);
void rig_lay_in(struct rig *r);
// No packets.
void rig_lay_none(struct rig *r);
// The gateway encrypts RIG_LOOP packets for the next flows into the ring, and their addresses are
// turned round, as if the peers had sent them. False: some were lost. Lays the ports for nothing.
bool rig_fill_loop(struct rig *r);
// So many frames as long as those, with nothing in them, for the rig alone: it uses up no sequence
// numbers, so that those the gateway sees follow each other. False: there was no room.
bool rig_fill_blank(struct rig *r);

// The rig alone: receives `bursts` bursts and throws them away. Packets received.
unsigned rig_replay(struct rig *r, unsigned bursts);
unsigned rig_drain_loop(struct rig *r, unsigned bursts);

#endif
