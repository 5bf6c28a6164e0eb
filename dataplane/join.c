// Makes one piece of a chain of segments, since the stages and many ports take nothing else: jumbo
// frames that a port delivered in pieces, datagrams put together from fragments. [W] Copies; where
// that happens often, a larger MTU in the configuration buys larger packets (pool.c).
#include "join.h"

#include "pool.h"
#include "reassemble.h"

static void copy(struct rte_mbuf *to, struct rte_mbuf *from)
{
	uint16_t at = 0;

	*packet_of(to) = *packet_of(from);
	to->ol_flags |= from->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
	to->vlan_tci = from->vlan_tci;
	for (const struct rte_mbuf *seg = from; seg; seg = seg->next) {
		memcpy(rte_pktmbuf_mtod_offset(to, uint8_t *, at),
		       rte_pktmbuf_mtod(seg, const void *), seg->data_len);
		at = (uint16_t)(at + seg->data_len);
	}
	to->data_len = at;
	to->pkt_len = at;
}

// A packet of ours with so much room behind its headroom.
static struct rte_mbuf *alloc(struct worker *w, uint32_t room)
{
	struct rte_mbuf *m = NULL;

	if (room + RTE_PKTMBUF_HEADROOM <= rte_pktmbuf_data_room_size(w->dp->pool))
		m = rte_pktmbuf_alloc(w->dp->pool);
	return m ? m : rte_pktmbuf_alloc(w->dp->pool_big);
}

struct rte_mbuf *join(struct worker *w, struct rte_mbuf *m)
{
	uint32_t total = rte_pktmbuf_pkt_len(m);
	struct rte_mbuf *whole;

	if (total > REASSEMBLE_MAX) {
		worker_drop(w, m, DROP_TOO_LONG);
		return NULL;
	}
	if (rte_pktmbuf_tailroom(m) >= total - rte_pktmbuf_data_len(m) + POOL_TAIL &&
	    rte_pktmbuf_linearize(m) == 0) {
		worker_count(w, COUNT_JOINED);
		return m;
	}
	whole = alloc(w, total + POOL_TAIL);
	if (!whole) {
		worker_drop(w, m, DROP_NO_BUFFER);
		return NULL;
	}
	copy(whole, m);
	rte_pktmbuf_free(m);
	worker_count(w, COUNT_JOINED);
	return whole;
}
