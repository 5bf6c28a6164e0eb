// Packets that belong to another worker: an SA, a flow, a reassembly or a port's queue has one
// owner. [W] Never waits: a full ring is a drop with its own counter.
#include "handoff.h"

#include <errno.h>
#include <rte_lcore.h>
#include <stdio.h>

#define HANDOFF_RING 1024

static struct rte_ring **ring_slot(struct dp *dp, unsigned from, unsigned to)
{
	return &dp->handoffs[from * dp->n_workers + to];
}

int handoff_init(struct dp *dp)
{
	char name[48];

	dp->handoffs = calloc((size_t)dp->n_workers * dp->n_workers, sizeof(*dp->handoffs));
	if (!dp->handoffs)
		return -ENOMEM;
	for (unsigned from = 0; from < dp->n_workers; from++) {
		for (unsigned to = 0; to < dp->n_workers; to++) {
			struct rte_ring **ring = ring_slot(dp, from, to);

			if (from == to)
				continue;
			snprintf(name, sizeof(name), "handoff_%u_%u", from, to);
			*ring = rte_ring_create(name, HANDOFF_RING, SOCKET_ID_ANY,
			                        RING_F_SP_ENQ | RING_F_SC_DEQ);
			if (!*ring)
				return -ENOMEM;
		}
	}
	return 0;
}

void handoff_fini(struct dp *dp)
{
	struct rte_mbuf *m;

	if (!dp->handoffs)
		return;
	for (unsigned i = 0; i < dp->n_workers * dp->n_workers; i++) {
		while (dp->handoffs[i] && rte_ring_sc_dequeue(dp->handoffs[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(dp->handoffs[i]);
	}
	free(dp->handoffs);
	dp->handoffs = NULL;
}

void handoff_send(struct worker *w, unsigned to, struct rte_mbuf *m, enum packet_kind kind)
{
	struct packet *p = packet_of(m);

	p->kind = (uint8_t)kind;
	// A route found here may be replaced before the other worker looks at it.
	p->hop = PACKET_NO_HOP;
	if (to >= w->dp->n_workers || to == w->index || ++p->handoffs > PACKET_HOPS_MAX) {
		worker_drop(w, m, DROP_HANDOFF_HOPS);
		return;
	}
	if (rte_ring_sp_enqueue(*ring_slot(w->dp, w->index, to), m))
		worker_drop(w, m, DROP_HANDOFF_FULL);
	else
		worker_count(w, COUNT_HANDOFF);
	w->handed |= 1ull << to;
}

uint16_t handoff_recv(struct worker *w, unsigned from, struct rte_mbuf **pkts, uint16_t max)
{
	if (from == w->index)
		return 0;
	return (uint16_t)rte_ring_sc_dequeue_burst(*ring_slot(w->dp, from, w->index), (void **)pkts,
	                                           max, NULL);
}
