// What a worker does when there is nothing to do: one of three ways, chosen when the ports are
// open. Poll on; nap for 20 us at most between turns; or wait until a port or a doorbell wakes it,
// which a worker can whose ports all have receive interrupts (or which has none).
//
// A worker that waits still turns once a tick: its own time duties (neighbours, fragments, held
// packets, events that found no room) are counted in ticks, and the control core judges peers by
// how far a worker has heard (dp_punt_horizon()).
#ifndef VIGIL_DATAPLANE_IDLE_H
#define VIGIL_DATAPLANE_IDLE_H

#include <stdbool.h>

#include "api/dp.h"
#include "doorbell.h"

struct rte_epoll_event;
struct rte_eth_conf;
struct worker;

struct idle {
	// The worker alone.
	uint32_t empty_turns;
	uint32_t naps; // before it waits again: interrupts have come without packets
	bool alarmed;  // an interrupt woke it, and no work has been found since
	// Constant while workers run.
	enum dp_idle way;
	int events;                      // epoll of the queues' interrupts, -1 = none
	struct rte_epoll_event *sockets; // of queues that have none but a socket; [n_rxqs]
	struct doorbell bell;
};

// [C] Before the port is configured: asks for interrupts if workers may sleep.
void idle_configure(const struct dp *dp, struct rte_eth_conf *conf);
// [C] After the ports are open, before launch: chooses how the worker idles. 0 or -errno.
int idle_init(struct worker *w);
void idle_fini(struct worker *w);
// [W] After each turn, with what it handled; may sleep, and may take one more turn before.
void idle_turn(struct worker *w, unsigned work);
// [C] Wakes a worker that may be asleep, after something was put into one of its rings.
void idle_ring(struct dp *dp, unsigned worker);
// [W] The same at the end of a turn: those to whom this worker has handed packets, and the control
// core if it was told something.
void idle_ring_all(struct worker *w);

#endif
